package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"cce-oncall/shared/incident"
)

var (
	javaWord = regexp.MustCompile(`(?i)\bjava\b|\.jar\b|jvm|jdk|jre|spring|tomcat`)
	heapWord = regexp.MustCompile(`-Xmx|MaxRAMPercentage|MaxRAMFraction`)
)

// heap is a Java process that is killed at the container's limit and was never told how much heap it may have.
func (g *gather) heap(w *workload) {
	v := g.v
	for i := range w.containers() {
		c := &w.containers()[i]
		text := strings.Join(slices.Concat(c.Command, c.Args), " ") + " " + c.Image
		java := javaWord.MatchString(text)
		for _, e := range c.Env {
			java = java || strings.Contains(e.Name, "JAVA") || strings.Contains(e.Name, "JVM")
			text += " " + e.Value
		}
		_, limited := c.Resources.Limits[corev1.ResourceMemory]
		if !java || !limited || heapWord.MatchString(text) || !v.oomLately(w, c.Name) {
			continue
		}
		d, _ := g.on(incident.JvmHeapNotContainerAware, w.target)
		d.say(fmt.Sprintf("the Java heap of container %s in %s is not bound to its limit", c.Name, w.target), fmt.Sprintf("%s 容器 %s 的 Java 堆未按 limit 配置", w.target, c.Name)).weigh(0.7).
			object(w.target, "containers[%s]: neither -Xmx nor MaxRAMPercentage; limits.memory %s", c.Name, limitOr(c, corev1.ResourceMemory, "none")).affects(w.target).fact(FactContainer, c.Name)
	}
}

func (v *view) oomLately(w *workload, containerName string) bool {
	for _, p := range w.live() {
		if s := statusOf(p, containerName); s != nil {
			if t := s.LastTerminationState.Terminated; t != nil && t.Reason == "OOMKilled" && v.recent(t.FinishedAt.Time, time.Hour) {
				return true
			}
		}
	}
	return false
}
