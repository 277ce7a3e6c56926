# The server in a container. By default PyTorch for the CPU; for NVIDIA GPUs:
#   docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 -t duostyle:gpu .
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/duostyle
ENV PATH=/opt/duostyle/bin:$PATH
# PyTorch first: a change of the server's code does not load it again
RUN pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "torch>=2.9" "torchvision>=0.24"
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY server server
COPY static static
RUN pip install . && pip uninstall --yes pip

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin duostyle \
    && install --directory --owner=duostyle --group=duostyle --mode=700 /data
COPY --from=build /opt/duostyle /opt/duostyle
ENV PATH=/opt/duostyle/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DUOSTYLE_HOST=0.0.0.0 \
    DUOSTYLE_PORT=8000 \
    DUOSTYLE_DATA_DIR=/data
# The server answers only to the names it knows. To reach it by another name than localhost:
#   docker run -e DUOSTYLE_ALLOWED_HOSTS='["paint.example.org"]' ...
# It listens on all addresses of the container, and so wants DUOSTYLE_TOKEN, or DUOSTYLE_NO_TOKEN=true where the port is
# published to this computer alone.
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/livez' % os.environ['DUOSTYLE_PORT'], timeout=4)"]
ENTRYPOINT ["duostyle"]
CMD ["serve"]
