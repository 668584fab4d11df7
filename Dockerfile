# syntax=docker/dockerfile:1

# The image of the operator: one binary and what it links to, no shell, no package manager, not root.
#
#   docker build -t headroom:0.1.0 .

ARG DEBIAN=bookworm

# The Rust release is the manifest's rust-version.
FROM rust:1.95-${DEBIAN} AS build
WORKDIR /src

# Only what the binary is made from, so that a change of tests, chart or documentation does not build it again.
COPY Cargo.toml Cargo.lock ./
COPY src src
# What `headroom demo` plays is in the binary.
COPY examples/demo examples/demo

# --locked: what was tested is what is built. The caches stay with the builder and out of the image, which is why
# the binary is copied out of the cached folder in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --bin headroom \
    && cp target/release/headroom /headroom

# The bill of materials: every crate that is linked into the binary, in the form CycloneDX, at a place where scanners of images
# look for it. The same tool, in the same version, as tests/bed/sbom.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo install --quiet --debug --locked --version 0.5.9 cargo-cyclonedx \
    && SOURCE_DATE_EPOCH=0 cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps \
       --target "$(rustc --version --verbose | sed -n 's/^host: //p')" --override-filename headroom.cdx

# What the binary needs beside it: the loader and the libraries it is linked to, and the root certificates that TLS is checked
# with. The time zones are in the binary.
RUN mkdir -p /root-of-image/usr/local/bin /root-of-image/etc/ssl/certs /root-of-image/usr/share/doc/headroom \
    && cp -L --parents $(ldd /headroom | grep -o '/[^ )]*') /root-of-image \
    && cp /headroom /root-of-image/usr/local/bin/ \
    && cp /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/ \
    && cp headroom.cdx.json /root-of-image/usr/share/doc/headroom/
COPY LICENSE /root-of-image/usr/share/doc/headroom/LICENSE

FROM scratch
COPY --from=build /root-of-image /

# By number: the kubelet cannot tell that a name is not root, and refuses it under runAsNonRoot.
USER 65532:65532

# No EXPOSE and no HEALTHCHECK: port and probes are the chart's. The binary gets its signals itself, so that SIGTERM
# lets it finish what it is doing.
ENTRYPOINT ["/usr/local/bin/headroom"]
CMD ["run"]
