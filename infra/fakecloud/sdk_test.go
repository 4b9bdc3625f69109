package fakecloud_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	cts "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cts/v3"
	ctsmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cts/v3/model"
	fgs "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/functiongraph/v2"
	fgsmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/functiongraph/v2/model"
	lts "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/lts/v2"
	ltsmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/lts/v2/model"
	smn "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/smn/v2"
	smnmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/smn/v2/model"

	"cce-oncall/infra/fakecloud"
	fakects "cce-oncall/infra/fakecloud/cts"
	"cce-oncall/infra/fakecloud/edge"
	fakelts "cce-oncall/infra/fakecloud/lts"
	"cce-oncall/infra/package/bundle"
)

func ptr[T any](v T) *T { return &v }

// bootstrap builds the function that does what its event says, once.
var bootstrap = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "bootstrap-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-o", out, "./functiongraph/testdata/bootstrap")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the bootstrap: %w: %s", err, text)
	}
	binary, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	return bundle.Zip(binary)
})

// testFunction is its zip.
func testFunction(t *testing.T) []byte {
	t.Helper()
	raw, err := bootstrap()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func functionClient(t *testing.T, s served, c *basic.Credentials) *fgs.FunctionGraphClient {
	t.Helper()
	hc, err := fgs.FunctionGraphClientBuilder().WithEndpoint(s.url).WithCredential(c).WithHttpConfig(httpConfig()).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	return fgs.NewFunctionGraphClient(hc)
}

// TestFunctionThroughSDK creates, triggers, invokes and reads a function with the official client only.
func TestFunctionThroughSDK(t *testing.T) {
	s := serve(t, nil)
	s.IAM.AddAgency("reader", edge.Kubernetes{})
	client := functionClient(t, s, adminKeys(t))
	var runtime fgsmodel.CreateFunctionRequestBodyRuntime
	var codeType fgsmodel.CreateFunctionRequestBodyCodeType
	if err := json.Unmarshal([]byte(`"Custom"`), &runtime); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`"zip"`), &codeType); err != nil {
		t.Fatal(err)
	}
	created, err := client.CreateFunction(&fgsmodel.CreateFunctionRequest{Body: &fgsmodel.CreateFunctionRequestBody{
		FuncName: "echo", Package: "default", Runtime: runtime, Timeout: 10, Handler: "bootstrap", MemorySize: 128, CodeType: &codeType,
		CodeFilename: ptr("echo.zip"), UserData: ptr(`{"K":"v"}`), AppXrole: ptr("reader"),
		FuncCode: &fgsmodel.FuncCode{File: ptr(base64.StdEncoding.EncodeToString(testFunction(t)))},
	}})
	if err != nil {
		t.Fatal(err)
	}
	urn := *created.FuncUrn
	if want := "urn:fss:cn-north-4:" + fakecloud.DefaultProject + ":function:default:echo:latest"; urn != want {
		t.Errorf("urn = %s, want %s", urn, want)
	}
	result, err := client.InvokeFunction(&fgsmodel.InvokeFunctionRequest{
		FunctionUrn: urn, XCFFRequestVersion: ptr("v1"), XCffLogType: ptr("tail"), Body: map[string]any{"do": "answer", "text": "hello"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *result.Result != `"hello"` || *result.Status != 200 || result.Log == nil {
		t.Errorf("result = %s, status %d, log %v", *result.Result, *result.Status, result.Log)
	}
	_, err = client.InvokeFunction(&fgsmodel.InvokeFunctionRequest{FunctionUrn: urn, XCFFRequestVersion: ptr("v1"), Body: map[string]any{"do": "fail", "text": "no"}})
	if e := refusal(t, err); e.StatusCode != 500 || e.ErrorCode != "FSS.0500" || !strings.Contains(e.ErrorMessage, `"errorMessage":"no"`) {
		t.Errorf("a failing function answers %+v", e)
	}
	queued, err := client.AsyncInvokeFunction(&fgsmodel.AsyncInvokeFunctionRequest{FunctionUrn: urn, Body: map[string]any{"do": "answer"}})
	if err != nil {
		t.Fatal(err)
	}
	if queued.HttpStatusCode != 202 || *queued.RequestId == "" {
		t.Errorf("async answer = %+v", queued)
	}
	if err := s.Functions.WaitIdle(within(t)); err != nil {
		t.Fatal(err)
	}
	shown, err := client.ShowFunctionConfig(&fgsmodel.ShowFunctionConfigRequest{FunctionUrn: urn})
	if err != nil {
		t.Fatal(err)
	}
	if *shown.UserData != `{"K":"v"}` || *shown.AppXrole != "reader" || *shown.Timeout != 10 {
		t.Errorf("config = %v %v %v", *shown.UserData, *shown.AppXrole, *shown.Timeout)
	}
	_, err = client.InvokeFunction(&fgsmodel.InvokeFunctionRequest{FunctionUrn: urn + "x", XCFFRequestVersion: ptr("v1"), Body: map[string]any{}})
	if e := refusal(t, err); e.StatusCode != 404 || e.ErrorCode != "FSS.1051" {
		t.Errorf("an unknown function answers %d %s", e.StatusCode, e.ErrorCode)
	}
}

// TestSMNTriggerReachesFunction publishes with the official client and follows the envelope into the function.
func TestSMNTriggerReachesFunction(t *testing.T) {
	s := serve(t, nil)
	hc, err := smn.SmnClientBuilder().WithEndpoint(s.url).WithCredential(adminKeys(t)).WithHttpConfig(httpConfig()).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	client := smn.NewSmnClient(hc)
	topic, err := client.CreateTopic(&smnmodel.CreateTopicRequest{Body: &smnmodel.CreateTopicRequestBody{Name: "alarms", DisplayName: "Alarms"}})
	if err != nil {
		t.Fatal(err)
	}
	addFunction(t, s, "diagnose")
	if _, err := s.Functions.AddTrigger("diagnose", "SMN", "ACTIVE", map[string]any{"topic_urn": *topic.TopicUrn}); err != nil {
		t.Fatal(err)
	}
	subs, err := client.ListSubscriptionsByTopic(&smnmodel.ListSubscriptionsByTopicRequest{TopicUrn: *topic.TopicUrn})
	if err != nil {
		t.Fatal(err)
	}
	if len(*subs.Subscriptions) != 1 || (*subs.Subscriptions)[0].Protocol != "functionstage" || (*subs.Subscriptions)[0].Status != 1 {
		t.Fatalf("subscriptions = %+v", *subs.Subscriptions)
	}
	answer, err := client.PublishMessage(&smnmodel.PublishMessageRequest{
		TopicUrn: *topic.TopicUrn, Body: &smnmodel.PublishMessageRequestBody{Subject: ptr("fire"), Message: ptr("CPU 中文 \"quoted\"")},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.SMN.WaitDelivered()
	if err := s.Functions.WaitIdle(within(t)); err != nil {
		t.Fatal(err)
	}
	got := s.Functions.Invocations("diagnose")
	if len(got) != 1 {
		t.Fatalf("%d invocations, want 1", len(got))
	}
	var event struct {
		Record []struct {
			EventVersion, EventSource string
			Subscription              string `json:"event_subscription_urn"`
			SMN                       struct {
				Topic string `json:"topic_urn"`
				ID    string `json:"message_id"`
				Message, Subject, Type,
				Timestamp string
			}
		}
	}
	if err := json.Unmarshal([]byte(got[0].Payload), &event); err != nil {
		t.Fatal(err)
	}
	r := event.Record[0]
	if r.SMN.Message != "CPU 中文 \"quoted\"" || r.SMN.Subject != "fire" || r.SMN.ID != *answer.MessageId || r.SMN.Type != "notification" ||
		r.SMN.Topic != *topic.TopicUrn || r.Subscription != s.Functions.URN("diagnose") {
		t.Errorf("envelope = %+v", r)
	}
	if _, err := time.Parse(time.RFC3339, r.SMN.Timestamp); err != nil {
		t.Errorf("timestamp: %v", err)
	}
}

func TestLogsThroughSDK(t *testing.T) {
	s := serve(t, nil)
	hc, err := lts.LtsClientBuilder().WithEndpoint(s.url).WithCredential(adminKeys(t)).WithHttpConfig(httpConfig()).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	client := lts.NewLtsClient(hc)
	group, err := client.CreateLogGroup(&ltsmodel.CreateLogGroupRequest{Body: &ltsmodel.CreateLogGroupParams{LogGroupName: "k8s", TtlInDays: 7}})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := client.CreateLogStream(&ltsmodel.CreateLogStreamRequest{LogGroupId: *group.LogGroupId, Body: &ltsmodel.CreateLogStreamParams{LogStreamName: "stdout"}})
	if err != nil {
		t.Fatal(err)
	}
	now := wall()
	for i := range 7 {
		s.LTS.Push(*group.LogGroupId, *stream.LogStreamId, fakelts.Line{
			At: now.Add(time.Duration(i-10) * time.Second), Content: "line " + strconv.Itoa(i) + map[bool]string{true: " panic: out of luck", false: " fine"}[i%2 == 0],
			Labels: map[string]string{"podName": "chat"},
		})
	}
	query := func(line, direction string, limit int32, highlight bool) []ltsmodel.LogContents {
		t.Helper()
		body := &ltsmodel.QueryLtsLogParams{
			StartTime: strconv.FormatInt(now.Add(-time.Minute).UnixMilli(), 10), EndTime: strconv.FormatInt(now.UnixMilli(), 10), Keywords: ptr("panic"),
			Limit: ptr(limit), Highlight: ptr(highlight), IsCount: ptr(true), Labels: map[string]string{"podName": "chat"},
		}
		if line != "" {
			var kind ltsmodel.QueryLtsLogParamsSearchType
			if err := json.Unmarshal([]byte(strconv.Quote(direction)), &kind); err != nil {
				t.Fatal(err)
			}
			body.LineNum, body.SearchType = &line, &kind
		}
		answer, err := client.ListLogs(&ltsmodel.ListLogsRequest{LogGroupId: *group.LogGroupId, LogStreamId: *stream.LogStreamId, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		if *answer.Count != 4 {
			t.Errorf("count = %d, want 4", *answer.Count)
		}
		return *answer.Logs
	}
	var got []string
	line := ""
	for range 5 {
		page := query(line, "forwards", 2, false)
		for _, l := range page {
			got = append(got, *l.Content)
		}
		if len(page) == 0 {
			break
		}
		line = *page[len(page)-1].LineNum
	}
	want := []string{"line 0 panic: out of luck", "line 2 panic: out of luck", "line 4 panic: out of luck", "line 6 panic: out of luck"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	if marked := *query("", "", 1, true)[0].Content; marked != "line 0 <HighLightTag>panic</HighLightTag>: out of luck" {
		t.Errorf("highlighted = %q", marked)
	}
}

func TestTracesThroughSDK(t *testing.T) {
	s := serve(t, nil)
	cluster := s.CCE.AddCluster(demoCluster())
	pool := addPool(t, s, cluster)
	if _, err := cceClient(t, s, adminKeys(t)).ScaleNodePool(scaleTo(cluster, pool, 3)); err != nil {
		t.Fatal(err)
	}
	s.CTS.Push(fakects.Trace{Service: "CCE", ResourceType: "deployments", Name: "updateDeployments", ResourceName: "chat-app", User: fakects.User{Name: "alice"}})
	hc, err := cts.CtsClientBuilder().WithEndpoint(s.url).WithCredential(adminKeys(t)).WithHttpConfig(httpConfig()).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	client := cts.NewCtsClient(hc)
	var kind ctsmodel.ListTracesRequestTraceType
	if err := json.Unmarshal([]byte(`"system"`), &kind); err != nil {
		t.Fatal(err)
	}
	var got []string
	var next *string
	for range 3 {
		answer, err := client.ListTraces(&ctsmodel.ListTracesRequest{TraceType: kind, Limit: ptr(int32(1)), Next: next, ServiceType: ptr("CCE")})
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range *answer.Traces {
			got = append(got, *tr.TraceName+" "+*tr.User.Name)
		}
		next = answer.MetaData.Marker
		if *answer.MetaData.Count == 0 {
			break
		}
	}
	if diff := cmp.Diff([]string{"updateDeployments alice", "scaleNodePool admin"}, got); diff != "" {
		t.Errorf("traces, newest first (-want +got):\n%s", diff)
	}
}
