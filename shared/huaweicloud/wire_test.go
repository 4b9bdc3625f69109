package huaweicloud

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	aom "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/aom/v2"
	aommodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/aom/v2/model"
	cce "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cce/v3"
	ccemodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cce/v3/model"
	csms "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/csms/v1"
	csmsmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/csms/v1/model"
	cts "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cts/v3"
	ctsmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cts/v3/model"
	lts "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/lts/v2"
	ltsmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/lts/v2/model"
	smn "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/smn/v2"
	smnmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/smn/v2/model"

	"cce-oncall/shared/alarm"
	"cce-oncall/shared/observe"
)

// onWire is what makes a request the same request.
type onWire struct {
	Method, Path string
	Query        url.Values
	Header       map[string]string // those that steer the service
	Body         any
}

// wiretap records requests and answers each with nothing.
func wiretap(t *testing.T) (*httptest.Server, *[]onWire) {
	seen := &[]onWire{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w := onWire{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: map[string]string{}}
		for _, h := range []string{"Enterprise-Project-Id", "X-Project-Id", "X-Security-Token"} {
			if v := r.Header.Get(h); v != "" {
				w.Header[h] = v
			}
		}
		raw, _ := io.ReadAll(r.Body)
		if len(raw) > 0 && json.Unmarshal(raw, &w.Body) != nil {
			w.Body = string(raw)
		}
		*seen = append(*seen, w)
	}))
	t.Cleanup(server.Close)
	return server, seen
}

func ptr[T any](v T) *T { return &v }

// TestWireIsTheSDKs makes each call once with the official SDK and once with ours, and compares what arrives.
func TestWireIsTheSDKs(t *testing.T) {
	server, seen := wiretap(t)
	credentials, err := basic.NewCredentialsBuilder().WithAk(testAK).WithSk(testSK).WithSecurityToken(testToken).WithProjectId(testProject).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	hc, err := core.NewHcHttpClientBuilder().WithEndpoints([]string{server.URL}).WithCredential(credentials).WithHttpConfig(config.DefaultHttpConfig().WithUserAgent("test")).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	session := newCloud(t, replies(reply{})).session()
	for service := range session.Endpoints {
		session.Endpoints[service] = server.URL
	}
	ctx := t.Context()
	ourAOM := &AOM{Session: session, EnterpriseProject: "all_granted_eps"}
	ourCCE := &CCE{Session: session, Cluster: testCluster}
	from, to := testNow.Add(-time.Hour), testNow
	raised := alarm.Alarm{Name: "ServiceNoBackend", Severity: alarm.Major, Provider: "inspect", FiredAt: testNow, Labels: map[string]string{"resource_type": "service", "resource_id": "x"}}
	system := ctsmodel.GetListTracesRequestTraceTypeEnum().SYSTEM
	order := aommodel.GetEventQueryParam2SortOrderEnum().DESC

	for _, tc := range []struct {
		name      string
		sdk, ours func() // errors do not matter: the tap answers nothing
	}{
		{
			"ListEvents",
			func() {
				_, _ = aom.NewAomClient(hc).ListEvents(&aommodel.ListEventsRequest{
					EnterpriseProjectId: ptr("all_granted_eps"), Type: ptr(aommodel.GetListEventsRequestTypeEnum().ACTIVE_ALERT), Limit: ptr(int32(1000)), Marker: ptr("0"),
					Body: &aommodel.EventQueryParam2{TimeRange: "-1.-1.60", Sort: &aommodel.EventQueryParam2Sort{OrderBy: []string{"starts_at"}, Order: &order}},
				})
			},
			func() { _, _ = ourAOM.Alarms(ctx, true, time.Hour) },
		},
		{
			"PushEvents",
			func() {
				_, _ = aom.NewAomClient(hc).PushEvents(&aommodel.PushEventsRequest{
					EnterpriseProjectId: ptr("all_granted_eps"),
					Body: &aommodel.EventList{Events: []aommodel.EventModel{{
						StartsAt: ptr(testNow.UnixMilli()), EndsAt: ptr(int64(0)),
						Metadata: map[string]string{"event_name": "ServiceNoBackend", "event_severity": "Major", "event_type": "alarm", "resource_provider": "inspect", "resource_type": "service", "resource_id": "x"},
					}}},
				})
			},
			func() { _ = ourAOM.Raise(ctx, []alarm.Alarm{raised}) },
		},
		{
			"ListMetricOrEventAlarmRule",
			func() {
				_, _ = aom.NewAomClient(hc).ListMetricOrEventAlarmRule(&aommodel.ListMetricOrEventAlarmRuleRequest{Name: ptr("cpu"), Limit: ptr("100"), Offset: ptr("0"), EnterpriseProjectId: ptr("all_granted_eps")})
			},
			func() { _, _ = ourAOM.Rule(ctx, "cpu") },
		},
		{
			"ListMuteRule",
			func() { _, _ = aom.NewAomClient(hc).ListMuteRule(&aommodel.ListMuteRuleRequest{}) },
			func() { _, _ = ourAOM.Silences(ctx) },
		},
		{
			"ShowCluster",
			func() {
				_, _ = cce.NewCceClient(hc).ShowCluster(&ccemodel.ShowClusterRequest{ClusterId: testCluster, Detail: ptr("true")})
			},
			func() { _, _ = ourCCE.Status(ctx) },
		},
		{
			"ListNodePools",
			func() {
				_, _ = cce.NewCceClient(hc).ListNodePools(&ccemodel.ListNodePoolsRequest{ClusterId: testCluster})
			},
			func() { _, _ = ourCCE.Pools(ctx) },
		},
		{
			"ShowNodePool",
			func() {
				_, _ = cce.NewCceClient(hc).ShowNodePool(&ccemodel.ShowNodePoolRequest{ClusterId: testCluster, NodepoolId: poolID})
			},
			func() { _, _ = ourCCE.Pool(ctx, poolID) },
		},
		{
			"ScaleNodePool",
			func() {
				checking := "instant"
				_, _ = cce.NewCceClient(hc).ScaleNodePool(&ccemodel.ScaleNodePoolRequest{ClusterId: testCluster, NodepoolId: poolID, Body: &ccemodel.ScaleNodePoolRequestBody{
					Kind: "NodePool", ApiVersion: "v3",
					Spec: &ccemodel.ScaleNodePoolSpec{DesiredNodeCount: 3, ScaleGroups: []string{"default"}, Options: &ccemodel.ScaleNodePoolOptions{ScalableChecking: &checking}},
				}})
			},
			func() { _ = ourCCE.scale(ctx, poolID, 3) },
		},
		{
			"DeleteNode",
			func() {
				keep := ccemodel.GetDeleteNodeRequestNodepoolScaleDownEnum().NO_SCALE_DOWN
				_, _ = cce.NewCceClient(hc).DeleteNode(&ccemodel.DeleteNodeRequest{ClusterId: testCluster, NodeId: "n1", NodepoolScaleDown: &keep})
			},
			func() { _ = ourCCE.DeleteNode(ctx, "n1", true) },
		},
		{
			"CreateKubernetesClusterCert",
			func() {
				_, _ = cce.NewCceClient(hc).CreateKubernetesClusterCert(&ccemodel.CreateKubernetesClusterCertRequest{ClusterId: testCluster, Body: &ccemodel.ClusterCertDuration{ExpireAt: ptr(testNow.Add(time.Hour).String())}})
			},
			func() { _, _ = ourCCE.Kubeconfig(ctx, time.Hour, "") },
		},
		{
			"ListAddonInstances",
			func() {
				_, _ = cce.NewCceClient(hc).ListAddonInstances(&ccemodel.ListAddonInstancesRequest{ClusterId: testCluster})
			},
			func() { _, _ = ourCCE.PromInstance(ctx) },
		},
		{
			"ListLogs",
			func() {
				_, _ = lts.NewLtsClient(hc).ListLogs(&ltsmodel.ListLogsRequest{LogGroupId: "g", LogStreamId: "s", Body: &ltsmodel.QueryLtsLogParams{
					StartTime: strconv.FormatInt(from.UnixMilli(), 10), EndTime: strconv.FormatInt(to.UnixMilli(), 10), IsDesc: ptr(true), Limit: ptr(int32(100)), Highlight: ptr(false),
					Labels: map[string]string{"nameSpace": "shop", "podName": "web-0"},
				}})
			},
			func() {
				_, _ = (&LTS{Session: session, Group: "g", Stream: "s"}).Search(ctx, observe.LogQuery{Namespace: "shop", Pod: "web-0", From: from, To: to, Limit: 100})
			},
		},
		{
			"ListTraces",
			func() {
				_, _ = cts.NewCtsClient(hc).ListTraces(&ctsmodel.ListTracesRequest{TraceType: system, Limit: ptr(int32(200)), From: ptr(from.UnixMilli()), To: ptr(to.UnixMilli()), ServiceType: ptr("CCE")})
			},
			func() { _, _ = (&CTS{Session: session}).Since(ctx, from, to) },
		},
		{
			"PublishMessage",
			func() {
				_, _ = smn.NewSmnClient(hc).PublishMessage(&smnmodel.PublishMessageRequest{TopicUrn: topic, Body: &smnmodel.PublishMessageRequestBody{Subject: ptr("s"), Message: ptr("m")}})
			},
			func() { _ = (&SMN{Session: session}).Publish(ctx, topic, "s", "m") },
		},
		{
			"ShowSecretVersion",
			func() {
				_, _ = csms.NewCsmsClient(hc).ShowSecretVersion(&csmsmodel.ShowSecretVersionRequest{SecretName: "lark", VersionId: "v2"})
			},
			func() { _, _ = (&CSMS{Session: session}).version(ctx, "lark", "v2") },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			*seen = nil
			tc.sdk()
			tc.ours()
			if len(*seen) != 2 {
				t.Fatalf("%d requests, want one of the SDK and one of ours", len(*seen))
			}
			want, got := (*seen)[0], (*seen)[1]
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("request (-SDK +ours):\n%s", d)
			}
		})
	}
}
