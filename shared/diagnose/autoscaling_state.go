package diagnose

import (
	"fmt"

	"cce-oncall/shared/incident"
)

// autoscalerState is the cluster autoscaler itself, while pods wait for room.
func (g *gather) autoscalerState() {
	v := g.v
	waiting := v.waitingForRoom()
	if len(waiting) == 0 {
		return
	}
	g.scalerPresence(waiting)
	for _, w := range v.inSpace["kube-system"] {
		if clusterScaler(w) && w.desired > 0 && w.readyCount() == 0 && !v.onlyYoung(w) {
			d, _ := g.on(incident.AutoscalerUnhealthy, w.target)
			d.say(fmt.Sprintf("the cluster autoscaler (%s) does not run while pods wait for room", w.target), fmt.Sprintf("集群弹性伸缩插件（%s）未运行，且有 Pod 等待资源", w.target)).
				object(w.target, "ready 0 of %d", w.desired).affects(w.target)
			for _, x := range waiting {
				d.affects(x.target)
			}
		}
	}
}
