package remediate

import (
	"fmt"
	"strings"

	"cce-oncall/shared/incident"
)

// manual is the answer that is always there: what a person does, with commands that can be pasted.
func (b *bench) manual(past History) incident.Solution {
	advice := b.filled(incident.Info(b.cause.Reason).Advice)
	if advice.EN == "" {
		advice = say("Look at the object and its events, and correct what the evidence names.", "查看对象及其事件，按证据所指修正。")
	}
	lines := append(b.commands(), b.remedies()...)
	commands := strings.Join(lines, "\n")
	s := incident.Solution{
		Title:      say("Handle it by hand: %s", "人工处理：%s", b.cause.Target),
		Risk:       incident.ReadOnly,
		When:       say("None of the other solutions fits, or you know something that is not on this card.", "其他方案均不合适，或你掌握本卡片之外的信息。"),
		Impact:     say("Nothing is changed by this service.", "本服务不做任何变更。"),
		Resources:  say("None.", "无。"),
		Scheduling: say("None.", "无。"),
		Cost:       say("None.", "无。"),
		Verify:     say("The alarm clears and the next inspection finds nothing.", "告警恢复，且下次巡检无异常。"),
		Rollback:   say("Yours: note what you change.", "由处理人负责：请记录所做变更。"),
		Prediction: say("None: what you do is not known here.", "无：处理动作未知。"),
		Manual:     incident.Text{EN: advice.EN + "\n" + commands, ZH: advice.In("zh") + "\n" + commands},
	}
	switch {
	case past.Failed >= handOverAfter:
		s.Title = say("A person takes over: %s", "转人工接管：%s", b.cause.Target)
		s.When = say("%d plans changed something and the trouble is still there.", "已执行 %d 轮变更，问题仍未解决。", past.Failed)
	case !established(b.cause):
		s.When = say("Only an alarm speaks for this cause: too little to change anything.", "仅有告警支持该原因，证据不足以执行变更。")
	case len(playbook[b.cause.Reason]) == 0:
		s.When = say("There is no safe change by machine for this cause.", "该原因没有可由机器安全执行的变更。")
	}
	return s
}

// filled puts the target's names into the places of a general advice.
func (b *bench) filled(t incident.Text) incident.Text {
	namespace, node := b.cause.Target.Namespace, b.cause.Facts[factNode]
	switch b.cause.Target.Kind {
	case "Namespace":
		namespace = b.cause.Target.Name
	case "Node":
		node = b.cause.Target.Name
	}
	var pairs []string
	for place, value := range map[string]string{"<ns>": namespace, "<name>": b.cause.Target.Name, "<node>": node} {
		if value != "" {
			pairs = append(pairs, place, shell(value))
		}
	}
	r := strings.NewReplacer(pairs...)
	return incident.Text{EN: r.Replace(t.EN), ZH: r.Replace(t.ZH)}
}

// commands look at the object of a cause and around it; they only read.
func (b *bench) commands() []string {
	t := b.cause.Target
	ns := shell(t.Namespace)
	switch t.Kind {
	case "Node":
		return []string{
			"kubectl describe node " + shell(t.Name),
			"kubectl get pods -A -o wide --field-selector spec.nodeName=" + shell(t.Name),
		}
	case "Namespace":
		return []string{
			"kubectl describe resourcequota,limitrange -n " + shell(t.Name),
			"kubectl get events -n " + shell(t.Name) + " --sort-by=.lastTimestamp",
		}
	case "Cluster":
		return []string{"kubectl get nodes -o wide", "kubectl get pods -n kube-system -o wide", "kubectl get --raw '/readyz?verbose'"}
	case "NodePool":
		return []string{"kubectl get nodes -L " + poolNameLabel, "kubectl get events -A --field-selector involvedObject.kind=Node --sort-by=.lastTimestamp"}
	case "PersistentVolume", "APIService", "ValidatingWebhookConfiguration":
		return []string{"kubectl describe " + strings.ToLower(t.Kind) + " " + shell(t.Name)}
	case "Secret": // describe shows keys and sizes, never values
		return []string{fmt.Sprintf("kubectl describe secret %s -n %s", shell(t.Name), ns)}
	case "Service":
		return []string{
			fmt.Sprintf("kubectl describe service %s -n %s", shell(t.Name), ns),
			fmt.Sprintf("kubectl get endpointslices -n %s -l kubernetes.io/service-name=%s", ns, shell(t.Name)),
			fmt.Sprintf("kubectl get pods -n %s --show-labels", ns),
		}
	case "PersistentVolumeClaim":
		return []string{fmt.Sprintf("kubectl describe pvc %s -n %s", shell(t.Name), ns), "kubectl get pv,storageclass"}
	}
	out := []string{fmt.Sprintf("kubectl describe %s %s -n %s", strings.ToLower(t.Kind), shell(t.Name), ns)}
	if b.load == nil {
		return out
	}
	kind := strings.ToLower(b.load.target.Kind)
	return append(out,
		fmt.Sprintf("kubectl get pods -n %s -o wide", ns),
		fmt.Sprintf("kubectl logs %s/%s -n %s --all-containers --tail=100", kind, shell(b.load.target.Name), ns),
		fmt.Sprintf("kubectl rollout history %s/%s -n %s", kind, shell(b.load.target.Name), ns))
}

// remedies are commands that change something, for causes where the change is known but is not this service's to make. What a
// person has to decide stands in capitals.
func (b *bench) remedies() []string {
	t, f := b.cause.Target, b.cause.Facts
	ns := shell(t.Namespace)
	switch b.cause.Reason {
	case incident.ResourceQuotaExceeded, incident.NamespaceCPUQuotaExceeded, incident.NamespaceMemoryQuotaExceeded, incident.NamespacePodQuotaExceeded,
		incident.NamespaceServiceQuotaExceeded, incident.NamespaceStorageQuotaExceeded:
		if f[factQuota] != "" && f[factResource] != "" {
			return []string{fmt.Sprintf(`kubectl patch resourcequota %s -n %s --type merge -p '{"spec":{"hard":{"%s":"NEW_VALUE"}}}'`,
				shell(f[factQuota]), shell(t.Name), inJSON(f[factResource]))}
		}
	case incident.SecretMissing, incident.ConfigMapMissing, incident.KeyMissing:
		if kind := strings.ToLower(f[factObjectKind]); (kind == "secret" || kind == "configmap") && f[factObjectName] != "" {
			return []string{fmt.Sprintf("kubectl describe %s %s -n %s", kind, shell(f[factObjectName]), ns)}
		}
	case incident.ImagePullSecretMissing, incident.ImageAuthDenied:
		return []string{fmt.Sprintf("kubectl get secrets -n %s --field-selector type=kubernetes.io/dockerconfigjson", ns)}
	case incident.UntoleratedTaint:
		if key, _, ok := strings.Cut(f[factTaint], "="); ok {
			return []string{fmt.Sprintf("kubectl taint nodes %s %s-", shell(t.Name), shell(key))}
		}
	case incident.KubeletDown, incident.KubeletPLEGUnhealthy, incident.NodeControlPlaneDisconnected, incident.KubeletFrequentRestart:
		return onNode("systemctl status kubelet", "journalctl -u kubelet -n 200 --no-pager", "systemctl restart kubelet")
	case incident.ContainerRuntimeDown, incident.ContainerRuntimeHung, incident.ContainerdFrequentRestart, incident.CRIFrequentRestart:
		return onNode("systemctl status containerd", "crictl ps -a", "systemctl restart containerd")
	case incident.NTPDrift:
		return onNode("chronyc sources -v", "systemctl restart chronyd")
	case incident.NodeDiskPressure, incident.NodeOutOfDisk, incident.ImageDiskFull, incident.EvictedDiskPressure:
		return onNode("df -h", "crictl rmi --prune")
	case incident.ApiEvictionBlockedByPDB:
		return []string{"kubectl get pdb -A"}
	case incident.PodStuckTerminatingFinalizer:
		return []string{fmt.Sprintf("kubectl get %s %s -n %s -o jsonpath='{.metadata.finalizers}'", strings.ToLower(t.Kind), shell(t.Name), ns)}
	case incident.CoreDNSConfigInvalid, incident.CoreDNSUpstreamTimeout, incident.CoreDNSNxDomain:
		return []string{"kubectl get configmap coredns -n kube-system -o yaml", "kubectl logs -n kube-system -l k8s-app=coredns --tail=100"}
	case incident.JobBackoffLimitExceeded, incident.JobDeadlineExceeded:
		return []string{fmt.Sprintf("kubectl logs job/%s -n %s --all-containers --tail=100", shell(t.Name), ns)}
	case incident.AdmissionWebhookUnavailable, incident.AdmissionWebhookDenied:
		return []string{"kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"}
	case incident.RBACForbidden:
		return []string{fmt.Sprintf("kubectl auth can-i --list --as=system:serviceaccount:%s:%s", ns, shell(t.Name))}
	}
	return nil
}

// onNode marks commands for a shell on the node itself.
func onNode(all ...string) []string {
	out := make([]string, 0, len(all))
	for _, c := range all {
		out = append(out, "# on the node: "+c)
	}
	return out
}

// inJSON keeps a name from ending the string it stands in, inside single quotes.
func inJSON(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "RESOURCE"
}
