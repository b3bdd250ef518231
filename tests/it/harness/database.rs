//! One private Postgres for the whole test run, and a database of its own for each test, copied from a template that
//! was migrated once. The server ends with this process, however it ends.

use std::sync::atomic::{AtomicU32, Ordering};

use entryway::clock::Clock;
use entryway::sandbox::postgres::{Postgres, PostgresOptions};
use entryway::store::Store;
use secrecy::SecretString;
use sqlx::{Connection, PgConnection};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

struct Server {
    postgres: Postgres,
    /// Drives the server's pipes for as long as tests run, which is longer than the runtime of any one of them.
    _runtime: Runtime,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The URL of a fresh, migrated database.
pub(crate) async fn fresh() -> String {
    let server = SERVER.get_or_init(start).await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::SeqCst));
    run(&server.postgres, &format!("CREATE DATABASE {name} TEMPLATE migrated")).await;
    server.postgres.url(&name)
}

/// The URL of a fresh, empty database.
pub(crate) async fn empty() -> String {
    let server = SERVER.get_or_init(start).await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::SeqCst));
    run(&server.postgres, &format!("CREATE DATABASE {name}")).await;
    server.postgres.url(&name)
}

async fn start() -> Server {
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = Runtime::new().unwrap();
        let mut options = PostgresOptions::temporary();
        options.max_connections = 400;
        let postgres = runtime.block_on(Postgres::start(options)).unwrap();
        assert!(tell.send(Server { postgres, _runtime: runtime }).is_ok());
    });
    let server = told.await.expect("a private Postgres; `make setup` installs its programs");
    run(&server.postgres, "CREATE DATABASE migrated").await;
    let store = connect(&server.postgres.url("migrated"), Clock::database());
    store.migrate().await.unwrap();
    store.close().await;
    server
}

/// A store on the database at `url`.
pub(crate) fn connect(url: &str, clock: Clock) -> Store {
    Store::connect(&SecretString::from(url), 8, clock).unwrap()
}

async fn run(postgres: &Postgres, statement: &str) {
    let mut connection = PgConnection::connect(&postgres.url("postgres")).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Runs statements that no code of ours would.
pub(crate) async fn by_hand(url: &str, statement: &str) -> u64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let done = sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await;
    connection.close().await.unwrap();
    done.unwrap_or_else(|error| panic!("{statement}: {error}")).rows_affected()
}

/// A single number that a query answers.
pub(crate) async fn number(url: &str, query: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let number = sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    number
}

/// A single text that a query answers.
pub(crate) async fn text(url: &str, query: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let text = sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    text
}
