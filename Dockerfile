# The dashboard and the HTTP API in one container. Build: docker build -t loyalty-workbench .
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim
# LiteRT and TensorFlow need the OpenMP runtime.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 loyalty
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --chown=loyalty:loyalty . .
# The `loyalty` command.
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e .
RUN mkdir -p data models && chown loyalty:loyalty . data models
USER loyalty
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
VOLUME ["/app/data", "/app/models"]
EXPOSE 8501
# The first start creates the demo and trains its models, which takes minutes.
HEALTHCHECK --interval=30s --timeout=5s --start-period=600s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# Listens on every address of the container; `docker run -p` or Compose decides what the host publishes.
# Without SIGN_IN the start is refused unless ALLOW_NETWORK_WITHOUT_SIGN_IN=true says that the published port is safe.
CMD ["sh", "-c", "python -m loyalty_core.demo.prepare && exec streamlit run serve.py --server.address 0.0.0.0"]
