package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"cce-oncall/infra/fakecloud"
	"cce-oncall/infra/fakecloud/aom"
	"cce-oncall/infra/fakecloud/cce"
	"cce-oncall/infra/fakecloud/edge"
	"cce-oncall/infra/fakecloud/functiongraph"
	"cce-oncall/infra/fakecloud/obs"
)

// Names of what Terraform makes in the account.
const (
	Bucket      = "cce-oncall-state"
	Topic       = "cce-oncall"
	ActionRule  = "cce-oncall"
	ReadAgency  = "cce-oncall-read"
	WriteAgency = "cce-oncall-write"
	CPURule     = "CCE_容器CPU使用率大于80%"
	EventRule   = "CCE_events"
	Pool        = "general-4u8g"
	WebhookPath = "/cce-oncall/lark"

	leaseNamespace = "cce-oncall"
	instanceID     = "f9a0c4b2-prometheus-demo"
)

// readActions are what looking takes in the cloud, and nothing that changes anything but our own records.
var readActions = []string{
	"aom:alarm:list", "aom:alarmRule:list", "aom:muteRule:list", "aom:metric:list", "aom:prometheusInstances:list",
	"cce:cluster:list", "cce:cluster:getCluster", "cce:node:list", "cce:node:getNode", "cce:nodepool:list", "cce:nodepool:getNodepool",
	"cce:addonInstance:list", "cce:addonInstance:get", "cts:trace:list", "lts:logs:list", "lts:groups:list", "lts:topics:list",
	"csms:secretVersion:get", "functiongraph:function:invokeAsync", "obs:bucket:ListBucket", "obs:object:GetObject", "obs:object:PutObject",
}

// writeActions are what execute may do beside.
var writeActions = []string{"cce:nodepool:scale", "cce:node:delete"}

// account is the emulated cloud and where it is served.
type account struct {
	cloud   *fakecloud.Cloud
	servers []*http.Server
	base    string // of every API, and of the Kubernetes gateway
	gateway string // of the dedicated API gateway
	webhook string // address that Lark calls
}

// openAccount makes an account with its cluster, and unless Terraform does it with agencies, topic and rules; no functions yet.
func openAccount(opt Options, c *Cluster, store *backend, metrics string, machines *nodes) (*account, error) {
	cloud, err := fakecloud.New(fakecloud.Options{
		Clock: time.Now, Log: opt.Log, CCEWritesPerMinute: -1, // a scenario may be in more of a hurry than an account is
		Functions: functiongraph.Options{IdleTimeout: opt.IdleTimeout, ExtraEnv: opt.FunctionEnv},
		CCE:       cce.Options{InstallDelay: opt.InstallDelay, RemoveDelay: time.Second},
	})
	if err != nil {
		return nil, fmt.Errorf("open the account: %w", err)
	}
	a := &account{cloud: cloud}
	if a.base, err = a.serve(cloud); err != nil {
		return nil, err
	}
	cloud.SetBase(a.base)
	if a.gateway, err = a.serve(http.HandlerFunc(cloud.ServeGateway)); err != nil {
		return nil, err
	}
	a.webhook = a.gateway + WebhookPath
	cloud.OBS.Configure(func(o *obs.Options) { o.Backend, o.PathStyle = store.serve, true })
	cloud.AOM.SetInstance(aom.Instance{ID: instanceID, Name: "cce-" + opt.ClusterName, Type: "CCE", Cluster: opt.ClusterID, URL: metrics})
	transport, err := c.transport()
	if err != nil {
		return nil, err
	}
	cloud.CCE.SetMachines(machines)
	cloud.CCE.AddCluster(cce.ClusterSpec{ID: opt.ClusterID, Name: opt.ClusterName, Version: "v1.36", Server: c.Server, Transport: transport})
	if opt.Terraform {
		return a, nil
	}
	cloud.IAM.AddAgency(ReadAgency, edge.Kubernetes{}, readActions...)
	cloud.IAM.AddAgency(WriteAgency, edge.Kubernetes{}, append(append([]string{}, readActions...), writeActions...)...)
	return a, a.notifications(opt)
}

// serve listens on a port of its own.
func (a *account) serve(h http.Handler) (string, error) { return a.serveAt(h, 0) }

func (a *account) serveAt(h http.Handler, port int) (string, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	a.servers = append(a.servers, server)
	go func() { _ = server.Serve(listener) }() // ends with ErrServerClosed
	return "http://" + listener.Addr().String(), nil
}

// notifications makes the way of an alarm: rules, notification rule, template, topic.
func (a *account) notifications(opt Options) error {
	topic, err := a.cloud.SMN.CreateTopic(Topic, "CCE on-call", "apm")
	if err != nil {
		return fmt.Errorf("make the topic: %w", err)
	}
	const text = "id=${id}\nevent_name=${event_name}\nstarts_at=${starts_at}\nevent_severity=${event_severity}\nevent_type=${event_type}\n" +
		"clear_type=${clear_type}\nclusterId=$event.metadata.clusterId\ncluster=$event.metadata.cluster\n"
	if err := a.cloud.AOM.SetTemplate(ActionRule, "zh-cn", map[string]string{"email": text}); err != nil {
		return err
	}
	a.cloud.AOM.SetAction(aom.Action{Name: ActionRule, User: "oncall", Template: ActionRule, Topics: []aom.Topic{{URN: topic, Name: Topic}}})
	return errors.Join(a.metricRule(opt.Rule, cpuPromQL(opt.Rule.Window)), a.eventRule(opt))
}

// Rule is how an alarm rule is evaluated.
type Rule struct {
	Name     string
	Window   string // of the rate in the expression, as PromQL writes it
	Interval string // between evaluations
	For      string
	Times    int
	Severity string
}

// cpuPromQL is CCE's own rule "container CPU usage above 80 %" with a window of choice.
func cpuPromQL(window string) string {
	const by = "by (cluster_name,pod,node,namespace,container,cluster)"
	return `100*(sum(rate(container_cpu_usage_seconds_total{image!="",container!="POD"}[` + window + `])) ` + by +
		` / sum(kube_pod_container_resource_limits{resource="cpu"}) ` + by + `) > 80`
}

func (a *account) metricRule(r Rule, promQL string) error {
	raw, err := json.Marshal(map[string]any{
		"alarm_rule_name": r.Name, "alarm_rule_type": "metric", "alarm_rule_enable": true, "prom_instance_id": instanceID,
		"alarm_notifications": map[string]any{
			"notification_type": "direct", "notification_enable": true, "bind_notification_rule_id": ActionRule,
			"notify_triggered": true, "notify_resolved": true, "notify_frequency": "0",
		},
		"metric_alarm_spec": map[string]any{
			"alarm_tags":   []map[string]any{{"custom_annotations": []string{"alarm_probableCause_en_us=" + Litter()[0], "alarm_fix_suggestion_en_us=" + Litter()[1]}}},
			"monitor_type": "promql", "recovery_conditions": map[string]any{"recovery_timeframe": 1},
			"trigger_conditions": []map[string]any{{
				"metric_query_mode": "NATIVE_PROM", "promql": promQL, "promql_for": r.For, "trigger_times": fmt.Sprint(r.Times),
				"trigger_interval": r.Interval, "trigger_type": "FIXED_RATE", "operator": ">", "thresholds": map[string]string{r.Severity: "80"},
			}},
		},
	})
	if err != nil {
		return fmt.Errorf("write rule %s: %w", r.Name, err)
	}
	if err := a.cloud.AOM.SetRule(raw); err != nil {
		return fmt.Errorf("set rule %s: %w", r.Name, err)
	}
	return nil
}

// eventRule notifies of every event that CCE reports.
func (a *account) eventRule(opt Options) error {
	raw, err := json.Marshal(map[string]any{
		"alarm_rule_name": EventRule, "alarm_rule_type": "event", "alarm_rule_enable": true,
		"alarm_notifications": map[string]any{
			"notification_type": "direct", "notification_enable": true, "bind_notification_rule_id": ActionRule, "notify_resolved": true, "notify_frequency": "-1",
		},
		"event_alarm_spec": map[string]any{
			"alarm_source": "systemEvent", "event_source": "CCE", "monitor_objects": []map[string]string{{"clusterId": opt.ClusterID}},
		},
	})
	if err != nil {
		return fmt.Errorf("write rule %s: %w", EventRule, err)
	}
	if err := a.cloud.AOM.SetRule(raw); err != nil {
		return fmt.Errorf("set rule %s: %w", EventRule, err)
	}
	return nil
}

func (a *account) close() error {
	errs := []error{a.cloud.Close()}
	for _, s := range a.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
