# The connector's image: one program, certificates and C libraries; no shell, no package manager, not root.
#
#   docker build -t onepassword-kafka .
#   docker build -t onepassword-kafka-simulator --target simulator .
#
# Nothing in here depends on the architecture: build it on the kind of machine that is to run it, or with
# `docker buildx build --platform`. docs/docker.md says how to run it; .ci/image builds and checks it.

# The release that rust-toolchain.toml names, which .ci/image compares.
ARG RUST=1.95.0
# To pin the base to its bytes, add the digest: gcr.io/distroless/cc-debian12:nonroot@sha256:…
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM rust:${RUST}-slim-bookworm AS builder
# What librdkafka, OpenSSL and jemalloc are built with.
RUN apt-get update -qq \
 && apt-get install -qq --yes --no-install-recommends cmake g++ make perl pkg-config \
 && rm -rf /var/lib/apt/lists/*
# Writes the list of crates into the program, so that scanners such as Trivy and `cargo audit bin` can read it there.
RUN cargo install --quiet --locked --root /usr/local cargo-auditable@0.7.7
WORKDIR /src
# The programs name source files by what they are, not by where they lay.
ENV RUSTFLAGS="--remap-path-prefix=/usr/local/cargo=/cargo --remap-path-prefix=/src=." \
    CFLAGS="-ffile-prefix-map=/usr/local/cargo=/cargo -ffile-prefix-map=/src=." \
    CXXFLAGS="-ffile-prefix-map=/usr/local/cargo=/cargo -ffile-prefix-map=/src=."
COPY . .

FROM builder AS build-simulator
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    SOURCE_DATE_EPOCH=0 cargo build --locked --release --package onepassword-kafka-dev --bin simulator \
 && install -D target/release/simulator /out/usr/local/bin/simulator \
 && install -d -o 65532 -g 65532 /out/run/simulator

FROM builder AS build-connector
# Given so that the same sources make the same bytes: the commit that is built, and its time in seconds since 1970. Cargo
# itself always sees the same time, because with another one all C code is built again.
ARG ONEPASSWORD_KAFKA_COMMIT
ARG SOURCE_DATE_EPOCH
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    ONEPASSWORD_KAFKA_BUILT="${SOURCE_DATE_EPOCH:-$(date +%s)}" SOURCE_DATE_EPOCH=0 \
    cargo auditable build --locked --release --package onepassword-kafka \
 && install -D target/release/onepassword-kafka /out/usr/local/bin/onepassword-kafka

# The simulated 1Password, for trying things out: docker-compose.kafka.yml has the flags.
FROM ${BASE} AS simulator
COPY --from=build-simulator /out/ /
USER 65532:65532
STOPSIGNAL SIGINT
ENTRYPOINT ["/usr/local/bin/simulator"]

FROM ${BASE} AS connector
ARG CREATED
ARG ONEPASSWORD_KAFKA_COMMIT
ARG SOURCE
ARG VERSION
LABEL org.opencontainers.image.title="onepassword-kafka" \
      org.opencontainers.image.description="1Password sign-in attempts, item usages and audit events into Kafka: exactly once, as Avro" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${ONEPASSWORD_KAFKA_COMMIT}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build-connector /out/ /
USER 65532:65532
# The REST API with the page, and /metrics, /livez and /readyz.
EXPOSE 8083 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/onepassword-kafka", "health", "--config", "/etc/onepassword-kafka/worker.yaml"]
ENTRYPOINT ["/usr/local/bin/onepassword-kafka"]
CMD ["run", "--config", "/etc/onepassword-kafka/worker.yaml"]
