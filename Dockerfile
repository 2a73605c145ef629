# Two stages: the first builds a wheel and installs it into a virtual environment, the second holds that environment and
# nothing to build with. Content comes from the wheel; mount another folder and set CDS_CONTENT to replace it.

FROM python:3.13-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/cds
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY cds_service cds_service
COPY hooks hooks
COPY fixtures fixtures
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --no-deps --wheel-dir /wheels . \
 && wheel="$(echo /wheels/cds_service-*.whl)" \
 && /opt/cds/bin/pip install "${wheel}[postgres]" \
 && /opt/cds/bin/cds check \
 && /opt/cds/bin/pip uninstall --yes pip

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="cds-service" \
      org.opencontainers.image.description="CDS Hooks for leg symptoms" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN pip uninstall --yes pip \
 && groupadd --gid 10001 cds \
 && useradd --uid 10001 --gid cds --home-dir /var/lib/cds --create-home --shell /usr/sbin/nologin cds
COPY --from=build /opt/cds /opt/cds
ENV PATH=/opt/cds/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/cds
VOLUME /var/lib/cds
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
# Beyond loopback the service starts only with registered clients (CDS_CLIENTS) or with --open.
CMD ["cds", "serve", "--host", "0.0.0.0", "--port", "8000"]
