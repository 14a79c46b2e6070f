# Composed: a patch of the mission small.
ARG SOURCE_DATE_EPOCH=1700000001

# ---- inputs: programs, locks and files for the steps below. The engine looks at the context once, and not for each of them.
FROM scratch AS inputs
COPY --from=composed / /

# ---- patch 1: a released image, some of its packages changed, and what has changed by that as one layer
FROM platform-images/released:abababababab AS released
FROM released AS patched
USER root
# In a full build no step has the variables that the image sets at its end, such as a mission's own.
SHELL ["/bin/sh", "-c"]
ENV HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ARG SOURCE_DATE_EPOCH
RUN --mount=type=bind,from=inputs,source=inside/install_os.sh,target=/mnt/install_os.sh --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh --mount=type=bind,from=inputs,source=patch/common/os,target=/mnt/lock \
    --mount=type=cache,id=platform-images-apt,target=/var/cache/platform-images-apt,sharing=locked \
    --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/install_os.sh common/os /mnt/lock/packages.list
RUN --mount=type=bind,from=inputs,source=inside/install_os.sh,target=/mnt/install_os.sh --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh --mount=type=bind,from=inputs,source=patch/small/os,target=/mnt/lock \
    --mount=type=cache,id=platform-images-apt,target=/var/cache/platform-images-apt,sharing=locked \
    --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/install_os.sh small/os /mnt/lock/packages.list
RUN --mount=type=bind,from=inputs,source=inside/run.sh,target=/mnt/run.sh --mount=type=bind,from=inputs,source=inside/patch_pip.py,target=/mnt/patch_pip.py --mount=type=bind,from=inputs,source=inside/install_group.py,target=/mnt/install_group.py --mount=type=bind,from=inputs,source=inside/plan_pip.py,target=/mnt/plan_pip.py --mount=type=bind,from=inputs,source=inside/known.py,target=/mnt/known.py --mount=type=bind,from=inputs,source=inside/pip_part.py,target=/mnt/pip_part.py --mount=type=bind,from=inputs,source=inside/turns.py,target=/mnt/turns.py --mount=type=bind,from=inputs,source=inside/twin.py,target=/mnt/twin.py \
    --mount=type=bind,from=inputs,source=inside/bytecode.py,target=/mnt/bytecode.py --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py \
    --mount=type=bind,from=inputs,source=patch/small/new/lock,target=/mnt/lock \
    --mount=type=bind,from=inputs,source=patch/small/new/patch.json,target=/mnt/patch.json \
    --mount=type=cache,id=platform-images-uv,target=/var/cache/platform-images-uv \
    --mount=type=cache,id=platform-images-bytecode,target=/var/cache/platform-images-bytecode \
    --mount=type=bind,from=tools,target=/mnt/tools --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/run.sh patch 100 /opt/conda/envs/new /mnt/lock /mnt/patch.json A=1 'CFLAGS=-O2 -g0'

RUN --mount=type=bind,from=inputs,source=inside/run.sh,target=/mnt/run.sh --mount=type=bind,from=inputs,source=inside/patch_pip.py,target=/mnt/patch_pip.py --mount=type=bind,from=inputs,source=inside/install_group.py,target=/mnt/install_group.py --mount=type=bind,from=inputs,source=inside/plan_pip.py,target=/mnt/plan_pip.py --mount=type=bind,from=inputs,source=inside/known.py,target=/mnt/known.py --mount=type=bind,from=inputs,source=inside/pip_part.py,target=/mnt/pip_part.py --mount=type=bind,from=inputs,source=inside/turns.py,target=/mnt/turns.py --mount=type=bind,from=inputs,source=inside/twin.py,target=/mnt/twin.py \
    --mount=type=bind,from=inputs,source=inside/bytecode.py,target=/mnt/bytecode.py --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py \
    --mount=type=bind,from=inputs,source=patch/small/old/lock,target=/mnt/lock \
    --mount=type=bind,from=inputs,source=patch/small/old/patch.json,target=/mnt/patch.json \
    --mount=type=cache,id=platform-images-uv,target=/var/cache/platform-images-uv \
    --mount=type=cache,id=platform-images-bytecode,target=/var/cache/platform-images-bytecode \
    --mount=type=bind,from=tools,target=/mnt/tools --mount=type=secret,id=site --mount=type=secret,id=ca \
    sh /mnt/run.sh patch 100 /opt/conda/envs/old /mnt/lock /mnt/patch.json

RUN --network=none --mount=type=bind,from=inputs,source=inside/place.sh,target=/mnt/place.sh --mount=type=bind,from=inputs,source=inside/settle.sh,target=/mnt/settle.sh --mount=type=bind,from=inputs,source=record,target=/mnt/record sh /mnt/place.sh /mnt/record /

FROM patched AS patch.1-changes
USER root
SHELL ["/bin/sh", "-c"]
ARG SOURCE_DATE_EPOCH
RUN --network=none --mount=type=bind,from=inputs,source=inside/changes.py,target=/mnt/changes.py --mount=type=bind,from=inputs,source=inside/manifest.py,target=/mnt/manifest.py --mount=type=bind,from=inputs,source=inside/stage_list.py,target=/mnt/stage_list.py --mount=type=bind,from=tools,target=/mnt/tools \
    --mount=type=bind,from=released,target=/mnt/below \
    /mnt/tools/bin/python3 -B -s /mnt/changes.py patch.1 /mnt/below /changes

RUN --network=none --mount=type=bind,from=inputs,source=inside/layer.py,target=/mnt/layer.py --mount=type=bind,from=tools,target=/mnt/tools \
    /mnt/tools/bin/python3 -B -s /mnt/layer.py /changes/tree /changes/deleted/paths /layer/tree/layer.tar
FROM scratch AS layer
COPY --from=patch.1-changes /layer/tree/ /
