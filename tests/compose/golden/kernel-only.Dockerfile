# Composed: the image of the mission small. What to edit is in deployments/ and common/; what is installed is in locks/.
ARG SOURCE_DATE_EPOCH=1700000000

# ---- inputs: programs, locks and files for the steps below. The engine looks at the context once, and not for each of them.
FROM scratch AS inputs
COPY --from=composed / /

# ---- root: the operating system below everything
FROM platform-images/root:abababababab AS root
USER root
WORKDIR /
ENV LANG=C.UTF-8

# ---- os: the locked Debian packages of common/os
FROM root AS os
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,from=inputs,source=inside/install_os.sh,target=/mnt/install_os.sh --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh --mount=type=bind,from=inputs,source=locks/common/os,target=/mnt/lock \
    --mount=type=cache,id=platform-images-apt,target=/var/cache/platform-images-apt,sharing=locked \
    --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/install_os.sh common/os /mnt/lock/packages.list

# ---- system: the root, and as one layer what the Debian packages have changed in it; every mission shares both
FROM os AS system-changes
USER root
SHELL ["/bin/sh", "-c"]
ARG SOURCE_DATE_EPOCH
RUN --network=none --mount=type=bind,from=inputs,source=inside/changes.py,target=/mnt/changes.py --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py --mount=type=bind,from=inputs,source=inside/stage_list.py,target=/mnt/stage_list.py --mount=type=bind,from=tools,target=/mnt/tools \
    --mount=type=bind,from=root,target=/mnt/below \
    /mnt/tools/bin/python3 -B -s /mnt/changes.py system /mnt/below /changes list

FROM root AS system
COPY --link --from=system-changes /changes/tree/ /
RUN --network=none --mount=type=bind,from=system-changes,source=/changes/deleted,target=/mnt xargs -0 -r rm -rf -- < /mnt/paths

# ---- base-environment: the conda part of the environment /opt/conda
FROM os AS base-environment-conda
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,from=inputs,source=inside/run.sh,target=/mnt/run.sh --mount=type=bind,from=inputs,source=inside/install_conda.py,target=/mnt/install_conda.py --mount=type=bind,from=inputs,source=inside/bytecode.py,target=/mnt/bytecode.py --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh \
    --mount=type=bind,from=inputs,source=locks/common/base/conda.json,target=/mnt/conda.json \
    --mount=type=bind,from=channel-embedded,target=/mnt/channel-embedded \
    --mount=type=cache,id=platform-images-conda,target=/var/cache/platform-images-conda \
    --mount=type=cache,id=platform-images-bytecode,target=/var/cache/platform-images-bytecode \
    --mount=type=bind,from=tools,target=/mnt/tools --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/run.sh conda 100 /opt/conda /mnt/conda.json

FROM os AS base-environment-plan
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,from=inputs,source=inside/run.sh,target=/mnt/run.sh --mount=type=bind,from=inputs,source=inside/plan_pip.py,target=/mnt/plan_pip.py --mount=type=bind,from=inputs,source=inside/known.py,target=/mnt/known.py --mount=type=bind,from=inputs,source=inside/pip_part.py,target=/mnt/pip_part.py --mount=type=bind,from=base-environment-conda,source=/opt/conda,target=/opt/conda \
    --mount=type=bind,from=inputs,source=locks/common/base/pip,target=/mnt/lock \
    --mount=type=bind,from=inputs,source=packages/base-environment.json,target=/mnt/groups.json \
    --mount=type=cache,id=platform-images-uv,target=/var/cache/platform-images-uv \
    --mount=type=bind,from=tools,target=/mnt/tools --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/run.sh plan 100 /opt/conda /mnt/lock /mnt/groups.json

FROM base-environment-conda AS base-environment
ARG SOURCE_DATE_EPOCH
RUN --network=none --mount=type=bind,from=inputs,source=inside/finish.sh,target=/mnt/finish.sh --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh --mount=type=bind,from=tools,target=/mnt/tools sh /mnt/finish.sh /opt/conda 100

# ---- kernel-new: the conda part of the environment /opt/conda/envs/new
FROM os AS kernel-new-conda
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,from=inputs,source=inside/run.sh,target=/mnt/run.sh --mount=type=bind,from=inputs,source=inside/install_conda.py,target=/mnt/install_conda.py --mount=type=bind,from=inputs,source=inside/bytecode.py,target=/mnt/bytecode.py --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh \
    --mount=type=bind,from=inputs,source=locks/small/new/conda.json,target=/mnt/conda.json \
    --mount=type=bind,from=channel-embedded,target=/mnt/channel-embedded \
    --mount=type=cache,id=platform-images-conda,target=/var/cache/platform-images-conda \
    --mount=type=cache,id=platform-images-bytecode,target=/var/cache/platform-images-bytecode \
    --mount=type=bind,from=tools,target=/mnt/tools --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/run.sh conda 100 /opt/conda/envs/new /mnt/conda.json

FROM os AS kernel-new-plan
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,from=inputs,source=inside/run.sh,target=/mnt/run.sh --mount=type=bind,from=inputs,source=inside/plan_pip.py,target=/mnt/plan_pip.py --mount=type=bind,from=inputs,source=inside/known.py,target=/mnt/known.py --mount=type=bind,from=inputs,source=inside/pip_part.py,target=/mnt/pip_part.py --mount=type=bind,from=kernel-new-conda,source=/opt/conda/envs/new,target=/opt/conda/envs/new \
    --mount=type=bind,from=inputs,source=locks/small/new/pip,target=/mnt/lock \
    --mount=type=bind,from=inputs,source=packages/kernel-new.json,target=/mnt/groups.json \
    --mount=type=cache,id=platform-images-uv,target=/var/cache/platform-images-uv \
    --mount=type=bind,from=tools,target=/mnt/tools --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/run.sh plan 100 /opt/conda/envs/new /mnt/lock /mnt/groups.json

FROM kernel-new-conda AS kernel-new
ARG SOURCE_DATE_EPOCH
RUN --network=none --mount=type=bind,from=inputs,source=inside/finish.sh,target=/mnt/finish.sh --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh --mount=type=bind,from=tools,target=/mnt/tools sh /mnt/finish.sh /opt/conda/envs/new 100

# ---- packages.base.pure.1: some packages of base, ipykernel among them
FROM os AS packages.base.pure.1
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,from=inputs,source=inside/run.sh,target=/mnt/run.sh --mount=type=bind,from=inputs,source=inside/install_group.py,target=/mnt/install_group.py --mount=type=bind,from=inputs,source=inside/pip_part.py,target=/mnt/pip_part.py --mount=type=bind,from=inputs,source=inside/turns.py,target=/mnt/turns.py --mount=type=bind,from=inputs,source=inside/twin.py,target=/mnt/twin.py \
    --mount=type=bind,from=inputs,source=inside/bytecode.py,target=/mnt/bytecode.py --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh \
    --mount=type=bind,from=inputs,source=packages/base.pure.1,target=/mnt/group \
    --mount=type=bind,from=base-environment-plan,source=/plan/base.pure.1,target=/mnt/plans/base \
    --mount=type=bind,from=base-environment-conda,source=/opt/conda,target=/opt/conda \
    --mount=type=cache,id=platform-images-uv,target=/var/cache/platform-images-uv \
    --mount=type=cache,id=platform-images-bytecode,target=/var/cache/platform-images-bytecode \
    --mount=type=bind,from=tools,target=/mnt/tools --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/run.sh group 100 /mnt/group /mnt/plans

# ---- packages.new.pure.1: some packages of new, ipykernel among them
FROM os AS packages.new.pure.1
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,from=inputs,source=inside/run.sh,target=/mnt/run.sh --mount=type=bind,from=inputs,source=inside/install_group.py,target=/mnt/install_group.py --mount=type=bind,from=inputs,source=inside/pip_part.py,target=/mnt/pip_part.py --mount=type=bind,from=inputs,source=inside/turns.py,target=/mnt/turns.py --mount=type=bind,from=inputs,source=inside/twin.py,target=/mnt/twin.py \
    --mount=type=bind,from=inputs,source=inside/bytecode.py,target=/mnt/bytecode.py --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh \
    --mount=type=bind,from=inputs,source=packages/new.pure.1,target=/mnt/group \
    --mount=type=bind,from=kernel-new-plan,source=/plan/new.pure.1,target=/mnt/plans/new \
    --mount=type=bind,from=kernel-new-conda,source=/opt/conda/envs/new,target=/opt/conda/envs/new \
    --mount=type=cache,id=platform-images-uv,target=/var/cache/platform-images-uv \
    --mount=type=cache,id=platform-images-bytecode,target=/var/cache/platform-images-bytecode \
    --mount=type=bind,from=tools,target=/mnt/tools --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/run.sh group 100 /mnt/group /mnt/plans

# ---- common: the user, the start-up files and the launcher of kernels
FROM os AS common
ARG SOURCE_DATE_EPOCH
RUN --network=none --mount=type=bind,from=inputs,source=inside/make_user.sh,target=/mnt/make_user.sh --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh sh /mnt/make_user.sh jovyan 1000 100
RUN --network=none --mount=type=bind,from=inputs,source=inside/place.sh,target=/mnt/place.sh --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh --mount=type=bind,from=inputs,source=runtime,target=/mnt/runtime sh /mnt/place.sh /mnt/runtime /

# ---- mission: the mission's own steps
FROM common AS mission
ARG SOURCE_DATE_EPOCH
SHELL ["/bin/sh", "-c", "trap 'sh /mnt/settle.sh /' EXIT; if [ -f /run/secrets/site ]; then . /run/secrets/site; fi; eval \"$0\""]

# ---- files: what is small and changes often
FROM mission AS files
USER root
SHELL ["/bin/sh", "-c"]
ARG SOURCE_DATE_EPOCH
# The environments are not in this stage: what is below /opt/conda is what files and steps have put there, few and small.
RUN --network=none --mount=type=bind,from=inputs,source=inside/place.sh,target=/mnt/place.sh --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh --mount=type=bind,from=inputs,source=final,target=/mnt/final sh /mnt/place.sh /mnt/final / \
    && chgrp -R 100 /opt/conda && chmod -R g+w /opt/conda
# The home as it is now, for homes on volumes: fill-home puts it there.
RUN --network=none --mount=type=bind,from=inputs,source=inside/place.sh,target=/mnt/place.sh --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh mkdir -p /opt/default-home && sh /mnt/place.sh /home/jovyan /opt/default-home \
    && chmod -R a+rX /opt/default-home

# ---- final: a layer for each environment, for the mission's own steps and for the small files
FROM mission AS mission-changes
USER root
SHELL ["/bin/sh", "-c"]
ARG SOURCE_DATE_EPOCH
RUN --network=none --mount=type=bind,from=inputs,source=inside/changes.py,target=/mnt/changes.py --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py --mount=type=bind,from=inputs,source=inside/stage_list.py,target=/mnt/stage_list.py --mount=type=bind,from=tools,target=/mnt/tools \
    --mount=type=bind,from=system-changes,source=/changes/list,target=/mnt/below \
    /mnt/tools/bin/python3 -B -s /mnt/changes.py mission /mnt/below/stage.jsonl /changes list

FROM files AS files-changes
USER root
SHELL ["/bin/sh", "-c"]
ARG SOURCE_DATE_EPOCH
RUN --network=none --mount=type=bind,from=inputs,source=inside/changes.py,target=/mnt/changes.py --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py --mount=type=bind,from=inputs,source=inside/stage_list.py,target=/mnt/stage_list.py --mount=type=bind,from=tools,target=/mnt/tools \
    --mount=type=bind,from=mission-changes,source=/changes/list,target=/mnt/below \
    /mnt/tools/bin/python3 -B -s /mnt/changes.py files /mnt/below/stage.jsonl /changes

FROM system AS final
ARG SOURCE_DATE_EPOCH
COPY --link --from=base-environment /layer/tree/ /
COPY --link --from=packages.base.pure.1 /layer/tree/ /
COPY --link --from=kernel-new /layer/tree/ /
COPY --link --from=packages.new.pure.1 /layer/tree/ /
COPY --link --from=mission-changes /changes/tree/ /
RUN --network=none --mount=type=bind,from=mission-changes,source=/changes/deleted,target=/mnt xargs -0 -r rm -rf -- < /mnt/paths
COPY --link --from=files-changes /changes/tree/ /
RUN --network=none --mount=type=bind,from=files-changes,source=/changes/deleted,target=/mnt xargs -0 -r rm -rf -- < /mnt/paths
ENV CONDA_DIR="/opt/conda" \
HOME="/home/jovyan" \
JUPYTER_PORT="8888" \
LANG="C.UTF-8" \
LANGUAGE="C.UTF-8" \
LC_ALL="C.UTF-8" \
NB_GID="100" \
NB_UID="1000" \
NB_USER="jovyan" \
PATH="/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
SHELL="/bin/bash"
LABEL org.opencontainers.image.description="Two kernels of different Pythons, and one of everything that a mission can have." \
org.opencontainers.image.revision="0123abc" \
org.opencontainers.image.title="Small mission for tests" \
org.opencontainers.image.version="1.0" \
platform-images.drift="" \
platform-images.kernels="new" \
platform-images.lock-digest="sha256:a162a75ae13fdd61be4f565c5a708550b68c4fe7499d136ed44c20d40a21fb50" \
platform-images.mission="small"
EXPOSE 8888
HEALTHCHECK --interval=3s --timeout=5s --start-period=60s --retries=5 CMD ["/etc/jupyter/docker_healthcheck.py"]
USER 1000
WORKDIR /home/jovyan
ENTRYPOINT ["tini", "-g", "--", "start.sh"]
CMD ["start-notebook.py"]
