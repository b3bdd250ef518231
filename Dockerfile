# syntax=docker/dockerfile:1
# Two images from one file:
#   docker build .                     the service (without the sandbox and its simulator): what production runs
#   docker build --target trial .      everything, with busybox for health checks: what docker-compose.yml runs
# No database is needed to build: the queries are described in .sqlx.

FROM rust:1.95-bookworm AS source
WORKDIR /src
ENV SQLX_OFFLINE=true CARGO_INCREMENTAL=0
COPY . .

FROM source AS build-trial
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/entryway /entryway

FROM source AS build-service
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --no-default-features --features otel && cp target/release/entryway /entryway

# The busybox in here (/busybox) is what the health checks of docker-compose.yml are made with.
FROM gcr.io/distroless/cc-debian12:debug-nonroot AS trial
COPY --from=build-trial /entryway /usr/local/bin/entryway
ENTRYPOINT ["/usr/local/bin/entryway"]

# Debian 12 like the builder, so that the C library fits; certificates are in it, a shell is not.
FROM gcr.io/distroless/cc-debian12:nonroot AS service
LABEL org.opencontainers.image.title="entryway" \
      org.opencontainers.image.description="A self-service desk for access to Amazon EKS clusters" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-service /entryway /usr/local/bin/entryway
# The API, and the figures where server.metrics_listen says so.
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/entryway"]
CMD ["serve", "--config", "/etc/entryway/entryway.toml"]
