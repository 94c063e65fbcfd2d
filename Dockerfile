# docker build -t shelfsight .
# docker run --rm -v shelfsight:/var/lib/shelfsight shelfsight keys create admin --role admin   # once: it answers the network
# docker run -p 8000:8000 -v shelfsight:/var/lib/shelfsight shelfsight
#
# The image holds what the .deb holds. For HEIC, what phones save: RUN apt-get update && apt-get install -y libheif1
# `make dist-test` goes through the second stage in a chroot.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN scripts/dist.sh

FROM debian:12-slim
COPY --from=build /src/dist/*.deb /tmp/
RUN dpkg --install /tmp/*.deb \
    && rm /tmp/*.deb \
    && useradd --system --uid 10001 --home-dir /var/lib/shelfsight --create-home --shell /usr/sbin/nologin shelfsight
USER 10001
WORKDIR /var/lib/shelfsight
VOLUME /var/lib/shelfsight
EXPOSE 8000
# Without curl: the answer's first line, read by bash.
HEALTHCHECK --interval=30s --timeout=3s --start-period=60s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["shelf"]
CMD ["serve", "--listen", "0.0.0.0:8000"]
