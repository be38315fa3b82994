# syntax=docker/dockerfile:1
# Build: docker build -t webhost-sync .
# Run:   docker run -p 8000:8000 -e DATABASE_URL=… -e TOKEN_SIGNING_SECRET=… -e SECRET_KEY_BASE=… webhost-sync

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
# The dependencies first: this layer is built anew only when a lock file changes.
COPY requirements.lock requirements-build.lock ./
RUN pip install --require-hashes -r requirements.lock \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY webhost_sync webhost_sync
COPY store store
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip install --no-deps /wheels/*.whl
# The user of the server can't write there: what isn't compiled here, every start would compile.
RUN python -I -c "from webhost_sync.dashboard.render import environment, make_ready; make_ready(environment())"

FROM python:3.11-slim-bookworm
# The folder must belong to the user before the volume is declared, or a new volume belongs to root.
RUN useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin webhost \
 && mkdir /data && chown webhost:webhost /data
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production \
    DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8000 \
    LOG_FORMAT=json
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=4)"]
ENTRYPOINT ["webhost-sync"]
CMD ["serve"]
