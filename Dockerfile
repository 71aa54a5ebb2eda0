# syntax=docker/dockerfile:1
# The worker as one static binary on an image without a shell: docker build -t bullrs .

FROM rust:1.95-alpine AS build
# C compiler and headers for SQLite and ring.
RUN apk add --no-cache build-base
WORKDIR /src
COPY Cargo.toml Cargo.lock README.md LICENSE ./
COPY src ./src
COPY lua ./lua
COPY migrations ./migrations
# On Alpine the target is musl, which links statically.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked \
    && cp target/release/bullrs /bullrs \
    && mkdir /data

# Certificates of public authorities and a user without rights; nothing else.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /bullrs /usr/local/bin/bullrs
# Where bullrs.toml, the default SQLite store and exported training files live.
COPY --from=build --chown=nonroot:nonroot /data /data
WORKDIR /data
VOLUME /data
USER nonroot
ENTRYPOINT ["/usr/local/bin/bullrs"]
CMD ["worker"]
