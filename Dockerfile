# One image for every service; docker-compose.yml says which command each runs.
FROM python:3.13-slim

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock

COPY pyproject.toml LICENSE ./
COPY domain domain
COPY learning learning
COPY storage storage
COPY workflows workflows
COPY activities activities
COPY workers workers
COPY api api
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

# The volume takes its owner from this folder.
RUN useradd --system --uid 10001 labelwright \
    && install -d -o labelwright -g labelwright -m 0700 /var/lib/labelwright
USER labelwright
ENV LABELWRIGHT_DATA_DIR=/var/lib/labelwright \
    PYTHONUNBUFFERED=1

CMD ["labelwright", "api"]
