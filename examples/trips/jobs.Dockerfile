# The trips' steps: Relevo's image and the use case. Its context is the folder examples.
ARG BASE=relevo/jobs:dev
FROM ${BASE}
COPY trips /opt/trips/examples/trips
ENV PYTHONPATH=/opt/trips
ENTRYPOINT ["python", "-m", "examples.trips.job"]
