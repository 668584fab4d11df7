# syntax=docker/dockerfile:1

# The image of the operator: one binary and what it links to, no shell, no package manager, not root.
#
#   docker build -t headroom:0.1.0 .

# The build and the runtime image are of one Debian release: a binary linked against a newer libc than the one it
# runs on does not start.
ARG DEBIAN=bookworm
ARG RUNTIME=gcr.io/distroless/cc-debian12:nonroot

# The Rust release is the manifest's rust-version.
FROM rust:1.95-${DEBIAN} AS build
WORKDIR /src

# Only what the binary is made from, so that a change of tests, chart or documentation does not build it again.
COPY Cargo.toml Cargo.lock ./
COPY src src

# --locked: what was tested is what is built. The caches stay with the builder and out of the image, which is why
# the binary is copied out of the cached folder in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --bin headroom \
    && cp target/release/headroom /headroom

# distroless/cc and not static: the binary links libc, libm and libgcc_s. It brings the root certificates, which TLS
# is checked with, and the time zones.
FROM ${RUNTIME}
COPY LICENSE /usr/share/doc/headroom/LICENSE
COPY --from=build /headroom /usr/local/bin/headroom

# By number: the kubelet cannot tell that a name is not root, and refuses it under runAsNonRoot.
USER 65532:65532

# No EXPOSE and no HEALTHCHECK: port and probes are the chart's. The binary gets its signals itself, so that SIGTERM
# lets it finish what it is doing.
ENTRYPOINT ["/usr/local/bin/headroom"]
CMD ["run"]
