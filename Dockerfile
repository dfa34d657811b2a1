# syntax=docker/dockerfile:1
# mtalab in a container: everything from the hashed lock, nothing runs as root.
#   docker build -t mtalab . && docker run --rm mtalab demo
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/mtalab
WORKDIR /src
# The dependencies alone, so that a change of the code does not install them anew.
COPY requirements.lock ./
RUN /opt/mtalab/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY affinity/ affinity/
COPY examples/stuck-pending/ examples/stuck-pending/
COPY lab/ lab/
COPY mail/ mail/
COPY monitor/ monitor/
COPY mta/ mta/
COPY mtalab/ mtalab/
COPY mtalab_pytest/ mtalab_pytest/
COPY scheduler/ scheduler/
COPY sinks/ sinks/
COPY store/ store/
COPY tracking/ tracking/
COPY world/ world/
RUN /opt/mtalab/bin/pip install --no-deps --no-build-isolation .

FROM python:3.13-slim-bookworm
COPY --from=build /opt/mtalab /opt/mtalab
ENV PATH=/opt/mtalab/bin:$PATH PYTHONUNBUFFERED=1
# A volume that is mounted at the data folder for the first time takes its owner from here.
RUN groupadd --gid 10001 mtalab \
    && useradd --uid 10001 --gid mtalab --home-dir /lab --create-home mtalab \
    && install -d -o mtalab -g mtalab /lab/.mtalab
USER 10001:10001
WORKDIR /lab
# The lab of `mtalab init`; mount your own mtalab.toml over it.
RUN ["mtalab", "init"]
VOLUME ["/lab/.mtalab"]
# `mtalab up` gives workers 20 s to finish what is in flight.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import mtalab, sys; sys.exit(' '.join(mtalab.Lab.open().not_running()) or 0)"]
ENTRYPOINT ["mtalab"]
CMD ["up"]
