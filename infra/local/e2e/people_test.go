package e2e

import (
	"context"
	"errors"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"cce-oncall/infra/fakecloud/functiongraph"
	"cce-oncall/infra/fakecloud/lark"
	"cce-oncall/infra/local/machine"
	"cce-oncall/shared/incident"
)

// await OBJECT STATUS ... | await OBJECT round N waits for the incident about an object.
func await(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "await OBJECT STATUS ... | await OBJECT round N"); err != nil {
		return err
	}
	if args[1] == "round" {
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		_, err = w.m.AwaitRound(ctx, args[0], n)
		return err
	}
	var statuses []incident.Status
	for _, a := range args[1:] {
		statuses = append(statuses, incident.Status(a))
	}
	_, err := w.m.Await(ctx, args[0], statuses...)
	return err
}

// ended OBJECT STATUS is await for a final status whose card says so too.
func ended(ctx context.Context, ts *testscript.TestScript, w *world, args []string) error {
	if err := await(ctx, ts, w, args); err != nil {
		return err
	}
	return until(ctx, "the card's last word", func() error {
		i, err := about(ctx, w, args[0])
		if err != nil {
			return err
		}
		if i.Closed == nil {
			return errors.New("the incident is not closed")
		}
		c, _ := w.m.Lark.Message(i.Card.Message)
		if !strings.Contains(c.Text("en_us"), i.Closed.Reason.EN[:min(20, len(i.Closed.Reason.EN))]) {
			return fmt.Errorf("the card does not say %q", i.Closed.Reason.EN)
		}
		return nil
	})
}

// offer OBJECT ACTION finds the solution of the last round with that action; $LETTER is its letter. "Manual" is the one without steps.
func offer(ctx context.Context, ts *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "offer OBJECT ACTION"); err != nil {
		return err
	}
	i, err := about(ctx, w, args[0])
	if err != nil {
		return err
	}
	if letter, ok := machine.SolutionWith(i, args[1]); ok {
		ts.Setenv("LETTER", letter)
		return nil
	}
	var have []string
	if p := i.Last().Plan; p != nil {
		for _, s := range p.Solutions {
			if args[1] == "Manual" && len(s.Steps) == 0 {
				ts.Setenv("LETTER", s.ID)
				return nil
			}
			have = append(have, s.ID+": "+s.Title.EN)
		}
	}
	return fmt.Errorf("nothing offered has a step %s: %q", args[1], have)
}

// cause OBJECT REASON [TARGET] says that the last round's first cause is this.
func cause(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "cause OBJECT REASON [KIND/NAMESPACE/NAME]"); err != nil {
		return err
	}
	i, err := about(ctx, w, args[0])
	if err != nil {
		return err
	}
	var have []string
	for _, c := range i.Last().Diagnosis.Causes {
		have = append(have, string(c.Reason)+" "+c.Target.Kind+"/"+c.Target.Namespace+"/"+c.Target.Name)
	}
	if len(have) > 0 && strings.HasPrefix(have[0], args[1]+" ") && (len(args) < 3 || strings.HasSuffix(have[0], args[2])) {
		return nil
	}
	return fmt.Errorf("the causes are %q, verdict %s", have, i.Last().Diagnosis.Verdict)
}

// card OBJECT TEXT ... waits until the incident's card shows all the texts, in one of its languages.
func card(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "card OBJECT TEXT ..."); err != nil {
		return err
	}
	var last string
	err := until(ctx, "the card's text", func() error {
		i, err := about(ctx, w, args[0])
		if err != nil {
			return err
		}
		c, ok := w.m.Lark.Message(i.Card.Message)
		if !ok {
			return errors.New("the card is not in the chat")
		}
		last = html.UnescapeString(c.Text("en_us") + "\n" + c.Text("zh_cn"))
		for _, text := range args[1:] {
			if !strings.Contains(last, text) {
				return fmt.Errorf("it does not say %q", text)
			}
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("%w; it says:\n%s", err, last)
	}
	return err
}

// cards TEXT N says that exactly N cards in the chat show a text.
func cards(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "cards TEXT N"); err != nil {
		return err
	}
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	n := 0
	for _, m := range w.m.Lark.Messages(w.m.Chat.ID) {
		if m.Type == "interactive" && m.CopyOf == "" && strings.Contains(html.UnescapeString(m.Text("en_us")), args[0]) {
			n++
		}
	}
	if n != want {
		return fmt.Errorf("%d cards show %q", n, args[0])
	}
	return nil
}

// says TEXT ... waits for a message of the bot.
func says(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	_, err := w.m.Says(ctx, args...)
	return err
}

// click WHO OBJECT LABEL [TOAST]: a person presses a button of the incident's card. It fails when nothing came of it.
func click(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 3, "click WHO OBJECT LABEL [TOAST]"); err != nil {
		return err
	}
	i, err := about(ctx, w, args[1])
	if err != nil {
		return err
	}
	got, err := w.m.Click(ctx, args[0], i.Card.Message, args[2])
	if err != nil {
		return err
	}
	return taken(got, args[3:])
}

// taken says whether a click had an effect, and whether the toast reads as it should either way.
func taken(got lark.Answer, toast []string) error {
	text := ""
	if got.Toast != nil {
		text = got.Toast.In("en_us")
	}
	for _, want := range toast {
		if !strings.Contains(text, want) {
			return wrongToast(fmt.Sprintf("the toast is %q, not %q", text, want))
		}
	}
	if got.Code != 0 || got.Toast == nil || got.Toast.Type == "error" {
		return fmt.Errorf("not taken: code %d %s %q", got.Code, got.Reason, text)
	}
	return nil
}

type wrongToast string

func (w wrongToast) Error() string { return string(w) }

// stale-click WHO OBJECT LABEL REVISION: a client that had not redrawn presses a button of an older card.
func staleClick(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 4, "stale-click WHO OBJECT LABEL REVISION [TOAST]"); err != nil {
		return err
	}
	i, err := about(ctx, w, args[1])
	if err != nil {
		return err
	}
	revision, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	got, err := w.m.Lark.Press(ctx, lark.Press{User: args[0], Message: i.Card.Message, Target: args[2], Revision: revision})
	if err != nil {
		return err
	}
	return taken(got, args[4:])
}

// type WHO TEXT: words in the chat, to the bot.
func typed(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "type WHO TEXT"); err != nil {
		return err
	}
	_, err := w.m.Type(ctx, args[0], args[1])
	return err
}

// reply WHO OBJECT TEXT: words below the incident's card, to the bot.
func reply(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 3, "reply WHO OBJECT TEXT"); err != nil {
		return err
	}
	i, err := about(ctx, w, args[1])
	if err != nil {
		return err
	}
	_, err = w.m.Reply(ctx, args[0], i.Card.Message, args[2])
	return err
}

// forward WHO OBJECT LABEL [TOAST]: a person forwards the card to another chat and presses a button there, as a client that allows it would.
func forward(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 3, "forward WHO OBJECT LABEL [TOAST]"); err != nil {
		return err
	}
	i, err := about(ctx, w, args[1])
	if err != nil {
		return err
	}
	copied, err := w.m.Lark.Forward(args[0], i.Card.Message, w.m.Other.ID)
	if err != nil {
		return err
	}
	got, err := w.m.Lark.Press(ctx, lark.Press{User: args[0], Message: copied.ID, Target: args[2], Force: true})
	if err != nil {
		return err
	}
	return taken(got, args[3:])
}

// writes N VERB RESOURCE [OBJECT]: so many changes of the cluster by the agent took effect.
func writes(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 3, "writes N VERB RESOURCE [NAMESPACE/NAME]"); err != nil {
		return err
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	all, err := w.m.Changes()
	if err != nil {
		return err
	}
	n := 0
	for _, c := range all {
		if c.Verb == args[1] && c.Resource == args[2] && (len(args) < 4 || c.Object == args[3]) {
			n++
		}
	}
	if n != want {
		return fmt.Errorf("%d such writes, among %+v", n, all)
	}
	return nil
}

// unchanged says that the agent has changed nothing in the cluster, nor any pool or node in CCE, so far.
func unchanged(_ context.Context, _ *testscript.TestScript, w *world, _ []string) error {
	all, err := w.m.Changes()
	if err != nil {
		return err
	}
	if len(all) > 0 {
		return fmt.Errorf("the agent has changed %+v", all)
	}
	for _, c := range w.m.Cloud.Journal.Find("cce", "", "") {
		if c.Agency && c.Method != "GET" && c.Status < 300 {
			return fmt.Errorf("the agent has called %s %s", c.Method, c.Path)
		}
	}
	return nil
}

// archive OBJECT verifies the archive of a closed incident.
func archive(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 1, "archive OBJECT"); err != nil {
		return err
	}
	i, err := about(ctx, w, args[0])
	if err != nil {
		return err
	}
	a, err := w.m.VerifyArchive(ctx, i)
	if err == nil && (len(a.Breaks) > 0 || !a.Closed || a.Records == 0) {
		err = fmt.Errorf("it does not verify: %+v", a)
	}
	return err
}

// cluster-call AGENCY METHOD PATH STATUS [BODY]: a signed request through CCE's gateway.
func clusterCall(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	return call(ctx, w.m.CallCluster, args)
}

// cloud-call AGENCY METHOD PATH STATUS [BODY]: a signed request to an API of the account.
func cloudCall(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	return call(ctx, w.m.CallCloud, args)
}

func call(ctx context.Context, do func(ctx context.Context, agency, method, path, body string) (int, string, error), args []string) error {
	if err := need(args, 4, "cluster-call|cloud-call AGENCY METHOD PATH STATUS [BODY]"); err != nil {
		return err
	}
	want, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	status, text, err := do(ctx, args[0], args[1], args[2], strings.Join(args[4:], " "))
	if err == nil && status != want {
		err = fmt.Errorf("the answer is %d: %s", status, text)
	}
	return err
}

// fails FUNCTION N says how many runs of a function did not succeed so far.
func failedRuns(_ context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "fails FUNCTION N"); err != nil {
		return err
	}
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	all := w.m.Cloud.Functions.Invocations(args[0])
	failed := slices.DeleteFunc(all, func(i functiongraph.Invocation) bool { return i.Status == functiongraph.StatusSuccess })
	if len(failed) != want {
		return fmt.Errorf("%d runs failed: %+v", len(failed), failed)
	}
	return nil
}

// logs FUNCTION TEXT ... waits until one line of a function's log holds all of these.
func logged(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "logs FUNCTION TEXT ..."); err != nil {
		return err
	}
	return until(ctx, "the log", func() error {
		for _, l := range w.m.Cloud.Functions.Logs(w.m.Function(args[0])) {
			if !slices.ContainsFunc(args[1:], func(text string) bool { return !strings.Contains(l.Text, text) }) {
				return nil
			}
		}
		return fmt.Errorf("no line holds %q", args[1:])
	})
}

// gone-from NODE NAMESPACE/PREFIX waits until no pod whose name begins so is on a node.
func goneFrom(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 2, "gone-from NODE NAMESPACE/PREFIX"); err != nil {
		return err
	}
	namespace, prefix, _ := strings.Cut(args[1], "/")
	return until(ctx, "the node to be empty", func() error {
		out, err := w.m.Cluster.Kubectl(ctx, "", "-n", namespace, "get", "pods", "-o", "name", "--field-selector", "spec.nodeName="+args[0])
		if err == nil && strings.Contains(out, "pod/"+prefix) {
			err = fmt.Errorf("still there: %s", out)
		}
		return err
	})
}

// setenv NAME FILE sets a variable to what a file says.
func setenv(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}
