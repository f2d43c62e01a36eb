# The router, and with `sandbox` as its command the fake upstreams, too.
#
#   docker build --tag video-router .
#   docker run --rm video-router --help
#
# It needs a configuration with callers at /etc/video-router/router.yaml, and keeps its SQLite file in /data.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/video-router \
    && pip --python /opt/video-router/bin/python install --require-hashes --only-binary :all: -r requirements.txt \
    && pip install --require-hashes --only-binary :all: -r requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY router router
COPY providers providers
COPY tests/exchanges tests/exchanges
RUN pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && pip --python /opt/video-router/bin/python install --no-deps --no-index dist/*.whl

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 router \
    && useradd --system --uid 10001 --gid router --home-dir /data --no-create-home --shell /usr/sbin/nologin router \
    && install --directory --owner router --group router --mode 0750 /data
COPY --from=build /opt/video-router /opt/video-router
ENV PATH=/opt/video-router/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080 9091
STOPSIGNAL SIGTERM
# http.client, because urllib would ask a proxy of the environment.
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-Ic", "import http.client, sys; admin = http.client.HTTPConnection('127.0.0.1', 9091, timeout=2); admin.request('GET', '/healthz'); sys.exit(admin.getresponse().status != 200)"]
ENTRYPOINT ["video-router"]
# The admin listener has no keys, so it stays inside the container unless it is asked out.
CMD ["serve", "--config", "/etc/video-router/router.yaml", "--db", "/data/router.db", "--host", "0.0.0.0"]
