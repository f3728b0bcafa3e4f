# sdeval for runners without a GPU. From the root of the repository:
#   docker build -f docker/cpu.Dockerfile -t sdeval:cpu .
#   docker run --rm -v "$PWD":/work sdeval:cpu pytest suites
# Weights lie in the volume /cache. Sessions download nothing (HF_HUB_OFFLINE=1); this gets what the suites need:
#   docker run --rm -v "$PWD":/work -v weights:/cache -e HF_HUB_OFFLINE=0 sdeval:cpu sdeval fetch

FROM python:3.12.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/sdeval
ENV PATH=/opt/sdeval/bin:$PATH
# A layer of its own, since it is large and changes seldom: torch without CUDA.
RUN pip install --index-url https://download.pytorch.org/whl/cpu "torch>=2.5" "torchvision>=0.20"
COPY pyproject.toml README.md LICENSE /src/
COPY sdeval /src/sdeval
RUN pip install /src

FROM python:3.12.12-slim-bookworm
# git: runs record the commit, and `sdeval store gc` and `sdeval bisect` read the repository.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 sdeval \
    && install --directory --owner sdeval --group sdeval /cache /work \
    # The project that is mounted may belong to another user.
    && git config --system --add safe.directory /work
COPY --from=build /opt/sdeval /opt/sdeval
ENV PATH=/opt/sdeval/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    HF_HOME=/cache/huggingface \
    TORCH_HOME=/cache/torch \
    SDEVAL_CACHE=/cache/sdeval
USER 1000
VOLUME /cache
WORKDIR /work
CMD ["sdeval", "doctor"]
