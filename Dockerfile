# The project's image: Airflow, everything that requirements.txt names, and the code. It runs on its own;
# docker-compose.yaml mounts the code over the copy for live editing.
FROM apache/airflow:3.3.2

# Dependencies are a layer of their own, so that an edit of the code installs nothing. constraints.txt is the
# whole resolution. uv comes with the base image and installs into its environment (VIRTUAL_ENV).
COPY requirements.txt constraints.txt /opt/build/
RUN --mount=type=cache,target=/tmp/uv-cache,uid=50000,gid=0 \
    UV_CACHE_DIR=/tmp/uv-cache uv pip install --link-mode=copy --compile-bytecode \
      -r /opt/build/requirements.txt -c /opt/build/constraints.txt

ENV PYTHONPATH=/opt/airflow/include \
    AIRFLOW__CORE__LOAD_EXAMPLES=false

# Code belongs to root: the airflow user, whom the base image set, reads it and cannot change it.
COPY docker/healthcheck.py /opt/healthcheck.py
COPY plugins /opt/airflow/plugins
COPY include /opt/airflow/include
COPY dags /opt/airflow/dags
