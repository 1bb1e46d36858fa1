"""The engine of a Ray cluster: calls made by workers on its nodes, at the price and in the order of `local`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthspec.inference.engines import EngineContext, EngineKind

if TYPE_CHECKING:
    from synthspec.inference.clusters.engine import ClusterEngine


def open_ray(context: EngineContext) -> ClusterEngine:
    """The engine of a run over a cluster of Ray, which is begun here where no address is given.

    Raises:
        BackendFault: Ray is not installed, the cluster is away, or a node of it does not fit this one.
    """
    from synthspec.inference.clusters.opening import open_over
    from synthspec.inference.clusters.ray_cluster import RayCluster

    return open_over(context, lambda needs: RayCluster(context.argument, needs))


ENGINE = EngineKind(
    summary="calls made by workers of a Ray cluster: one begun here, or `ray=auto`, `ray=ray://HOST:10001`",
    open=open_ray,
    argument="ADDRESS",
)
