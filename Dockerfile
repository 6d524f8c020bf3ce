# The command with everything that it needs, on the CPU (DEVICE=cpu) or with CUDA (DEVICE=cuda); docs/container.md says
# how it is run.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-trixie AS build
ARG DEVICE=cpu
# Index of torch's build for the CPU, such as a mirror of yours; without one, the index that uv knows.
ARG TORCH_INDEX=""
WORKDIR /build
COPY requirements-uv.txt ./
RUN python -m venv /opt/uv \
 && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r requirements-uv.txt
COPY requirements.txt requirements-cpu.txt ./
RUN set -eu; \
    python -m venv --without-pip /opt/deepdig-audit; \
    install() { /opt/uv/bin/uv pip install --python /opt/deepdig-audit --no-cache --compile-bytecode "$@"; }; \
    case "$DEVICE" in \
        cuda) install --require-hashes -r requirements.txt ;; \
        cpu) install --require-hashes -r requirements-cpu.txt; \
             if [ -n "$TORCH_INDEX" ]; then from="--default-index=$TORCH_INDEX"; else from=--torch-backend=cpu; fi; \
             sed -nE 's/^(torch(vision)?==[^ ]+).*/\1/p' requirements.txt > torch.txt; \
             install --no-deps "$from" -r torch.txt ;; \
        *) echo "expected DEVICE cpu or cuda; found $DEVICE" >&2; exit 2 ;; \
    esac
COPY pyproject.toml README.md LICENSE ./
COPY auditor auditor
COPY templates templates
RUN /opt/uv/bin/uv pip install --python /opt/deepdig-audit --no-cache --compile-bytecode --offline --no-deps \
    --no-build-isolation .

FROM python:${PYTHON}-slim-trixie
ARG VERSION=unknown
LABEL org.opencontainers.image.title="deepdig-audit" \
      org.opencontainers.image.description="Audit where a trained classifier changes its mind" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# What the PDF needs; a version that is pinned here is gone from Debian's archive with the next security update.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin auditor \
# A new named volume takes owner and mode from here; like /tmp itself, it is for whoever the container runs as.
 && install --directory --owner=10001 --group=10001 --mode=1777 /tmp/state
COPY --from=build /opt/deepdig-audit /opt/deepdig-audit
# All that is written goes to the working folder and to /tmp, so that the rest may be read-only.
ENV PATH="/opt/deepdig-audit/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 XDG_STATE_HOME=/tmp/state
WORKDIR /audit
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["deepdig-audit"]
CMD ["--help"]
