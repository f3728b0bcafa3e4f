# sdeval for runners with NVIDIA GPUs and the NVIDIA Container Toolkit. From the root of the repository:
#   docker build -f docker/gpu.Dockerfile -t sdeval:gpu .
#   docker run --rm --gpus all --shm-size 2g -v "$PWD":/work -v weights:/cache sdeval:gpu pytest suites --sdeval-target sd15
# Weights lie in the volume /cache. Sessions download nothing (HF_HUB_OFFLINE=1); this gets what the suites need:
#   docker run --rm -v "$PWD":/work -v weights:/cache -e HF_HUB_OFFLINE=0 sdeval:gpu sdeval fetch
# CUDA comes with the wheels of torch, and the driver with the machine, so that no image of CUDA is needed.

FROM python:3.12.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/sdeval
ENV PATH=/opt/sdeval/bin:$PATH
# A layer of its own, since it is large and changes seldom.
RUN pip install "torch>=2.5" "torchvision>=0.20"
COPY pyproject.toml README.md LICENSE /src/
COPY sdeval /src/sdeval
RUN pip install "/src[gpu]"

FROM python:3.12.12-slim-bookworm
# git: runs record the commit, and `sdeval store gc` and `sdeval bisect` read the repository. gcc: targets with `compile`.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc git libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 sdeval \
    && install --directory --owner sdeval --group sdeval /cache /work \
    # The project that is mounted may belong to another user.
    && git config --system --add safe.directory /work
COPY --from=build /opt/sdeval /opt/sdeval
ENV PATH=/opt/sdeval/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    HF_HUB_OFFLINE=1 \
    HF_HOME=/cache/huggingface \
    TORCH_HOME=/cache/torch \
    SDEVAL_CACHE=/cache/sdeval
USER 1000
VOLUME /cache
WORKDIR /work
CMD ["sdeval", "doctor"]
