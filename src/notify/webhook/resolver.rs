//! From the name in a webhook's URL to addresses that may be connected to. What is checked is what is connected to: whoever
//! answers for a name may say something else each time they are asked.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::address::{Reach, reach};

/// What [`LookUp::look_up`] gives back.
pub type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Whoever knows which addresses a name has.
pub trait LookUp: Debug + Send + Sync {
    /// The addresses of `name`, in the order in which to try them.
    fn look_up(&self, name: String) -> LookingUp;
}

/// This machine's own way of looking names up.
#[derive(Debug, Clone, Copy)]
pub struct System;

impl LookUp for System {
    fn look_up(&self, name: String) -> LookingUp {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    pub(super) allow_private: bool,
    /// Whether it goes without TLS, which is for own networks only.
    pub(super) in_the_clear: bool,
}

impl Guard {
    /// Why `address` may not be connected to.
    fn refuse(self, address: IpAddr) -> Option<String> {
        match reach(address) {
            Reach::Public if self.in_the_clear => {
                Some(format!("it leads to {address}, out of private networks, without TLS; make it https"))
            }
            Reach::Public => None,
            Reach::Private if self.allow_private => None,
            Reach::Private => {
                Some(format!("it leads to the private address {address}; set allow_private if that is meant"))
            }
            Reach::Never => Some(format!("it leads to {address}, where nothing is ever sent; correct the URL")),
        }
    }

    /// As [`Guard::refuse`], where `host` of a URL is an address.
    pub(super) fn refuse_literal(self, host: &str) -> Option<String> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        host.parse().ok().and_then(|address| self.refuse(address))
    }
}

/// Hands out only what the guard lets pass.
#[derive(Debug)]
pub(super) struct Resolver {
    names: Arc<dyn LookUp>,
    guard: Guard,
}

impl Resolver {
    pub(super) fn new(names: Arc<dyn LookUp>, guard: Guard) -> Self {
        Self { names, guard }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, guard) = (self.names.look_up(name.as_str().to_owned()), self.guard);
        Box::pin(async move {
            let found = found.await?;
            let refused = found.iter().find_map(|address| guard.refuse(*address));
            let good: Vec<_> = found.into_iter().filter(|address| guard.refuse(*address).is_none()).collect();
            if good.is_empty() {
                return Err(refused.unwrap_or_else(|| "its name has no address".to_owned()).into());
            }
            // The port comes from the URL.
            Ok(Box::new(good.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
