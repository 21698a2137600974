# The trips' server: Relevo's image and the use case. Its context is the folder examples.
ARG BASE=relevo/serving:dev
FROM ${BASE}
COPY trips /opt/trips/examples/trips
ENV PYTHONPATH=/opt/trips
ENTRYPOINT ["python", "-m", "examples.trips.serving"]
