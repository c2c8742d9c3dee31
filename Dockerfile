# nsid alone: docker build -t nsid . && docker run --rm -v "$PWD:/data" nsid index music --out library
FROM python:3.11-slim-bookworm

# ffmpeg decodes M4A and others.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/*

# torch first, as make env does: the build for CPUs is a tenth of the size.
WORKDIR /src
COPY requirements.lock ./
RUN grep '^torch==' requirements.lock > torch.txt \
    && pip install --no-cache-dir --no-deps --extra-index-url https://download.pytorch.org/whl/cpu -r torch.txt
COPY pyproject.toml README.md LICENSE ./
COPY neuralsampleid neuralsampleid
# The lock's versions of what nsid needs, no more.
RUN pip install --no-cache-dir --constraint requirements.lock .

WORKDIR /data
# Compiled searches of landmarks are kept in a place that any user may write to.
ENV NUMBA_CACHE_DIR=/tmp/numba
ENTRYPOINT ["nsid"]
CMD ["--help"]
