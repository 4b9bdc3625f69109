package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/config"
	"cce-oncall/shared/functiongraph"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/record"
	"cce-oncall/shared/tell"
)

// patience is how long a callback may take: the platform gives up on it after three seconds.
const patience = 2500 * time.Millisecond

// webhook is the flow. Its fields are what it needs of the world; main fills them.
type webhook struct {
	clusters config.Clusters
	verifier func(context.Context) (verifier, error)
	book     func(context.Context) *record.Book
	teller   func(context.Context, config.Cluster, *record.Book) (*tell.Teller, error)
	policy   func(config.Cluster) incident.Policy
	wake     wake
	now      func() time.Time
}

type verifier interface {
	Open(headers map[string]string, body []byte) (lark.Callback, error)
}

type wake interface {
	Wake(ctx context.Context, role string, payload any) error
}

// handle is the flow, top to bottom. Whatever happens, the gateway gets a response it understands.
func (w *webhook) handle(ctx context.Context, payload []byte) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ev, err := functiongraph.Decode(payload)
	if err != nil || ev.HTTP == nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("not an HTTP request through the gateway")
		return answer(http.StatusBadRequest, refused), nil
	}
	v, err := w.verifier(ctx)
	if err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("callbacks cannot be verified")
		return answer(http.StatusInternalServerError, refused), nil
	}
	cb, err := v.Open(ev.HTTP.Headers, ev.HTTP.Body)
	if err != nil {
		logRefusal(ctx, err, ev.HTTP.SourceIP)
		return answer(http.StatusUnauthorized, refused), nil
	}
	switch cb := cb.(type) {
	case lark.Challenge:
		return answer(http.StatusOK, lark.ChallengeAnswer(cb)), nil
	case lark.Click:
		return answer(http.StatusOK, w.click(ctx, cb)), nil
	case lark.Message:
		w.message(ctx, cb)
	}
	return answer(http.StatusOK, lark.Empty()), nil
}

// refused is one answer for every callback that is not believed: it says nothing of why.
var refused = []byte(`{"error":"refused"}`)

func answer(status int, body []byte) functiongraph.Response { return functiongraph.JSON(status, body) }

func logRefusal(ctx context.Context, err error, source string) {
	why := "unknown"
	var r *lark.Refusal
	if errors.As(err, &r) {
		why = string(r.Why)
	}
	zerolog.Ctx(ctx).Warn().Str("why", why).Str("source", source).Msg("callback refused")
}

// click is a button. Only its token is looked at; who, where and on which message come from the platform.
func (w *webhook) click(ctx context.Context, c lark.Click) []byte {
	book := w.book(ctx)
	t, found, err := book.Token(ctx, c.Token)
	if err != nil {
		return lark.Toast(lark.ToastError, notRecorded(ctx, err))
	}
	k, known := w.clusters.Find(t.Cluster)
	if !found || !known {
		zerolog.Ctx(ctx).Warn().Str("by", c.Operator).Msg("a button that was never given out")
		return lark.Toast(lark.ToastError, incident.Text{EN: "This button is not valid. Nothing was changed.", ZH: "该按钮无效，未做任何变更。"})
	}
	d := incident.Decision{
		ID: "click-" + c.EventID, Incident: t.Incident, Round: t.Round, Solution: t.Solution, Digest: t.Digest, Verb: t.Verb,
		By: c.Operator, Union: c.Union, Chat: c.Chat, Message: c.Message, Comment: c.Form[lark.ReasonField], At: w.now().UTC(),
	}
	inc, said, kind := w.decide(ctx, book, k, d)
	if inc == nil || kind == lark.ToastError {
		return lark.Toast(kind, said)
	}
	tl, err := w.teller(ctx, k, book)
	if err != nil {
		return lark.Toast(kind, said)
	}
	card, err := tl.Draw(ctx, inc, inc.Card.Chat)
	if err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("card could not be drawn for the answer")
	}
	return lark.ToastWithCard(kind, said, card)
}

// decide judges a decision, records it either way, and wakes execute for one that counts. The incident it returns has the decision.
func (w *webhook) decide(ctx context.Context, book *record.Book, k config.Cluster, d incident.Decision) (*incident.Incident, incident.Text, lark.ToastKind) {
	log := zerolog.Ctx(ctx).With().Str("incident", string(d.Incident)).Str("decision", d.ID).Str("verb", string(d.Verb)).Str("solution", d.Solution).Str("by", d.By).Logger()
	inc, found, err := book.Load(ctx, k.ID, d.Incident)
	if err != nil {
		return nil, notRecorded(ctx, err), lark.ToastError
	}
	if !found || inc.Card == nil {
		return nil, incident.Text{EN: "This incident is not on record. Nothing was changed.", ZH: "未找到该事件记录，未做任何变更。"}, lark.ToastError
	}
	if before := made(inc, d.ID); before != nil { // the platform repeats events: the same one is the same decision
		return inc, repeated(*before), lark.ToastInfo
	}
	policy := w.policy(k)
	why, said := policy.Refuse(inc, d)
	d.Refused = string(why)
	if err := book.SaveDecision(ctx, k.ID, d); err != nil {
		return nil, inDoubt(ctx, err), lark.ToastError
	}
	log.Info().Str("refused", d.Refused).Msg("decision recorded")
	if why != "" {
		return inc, said, lark.ToastError
	}
	last := inc.Last()
	last.Decisions = append(last.Decisions, d)
	said = accepted(last, d)
	if err := w.wake.Wake(ctx, "execute", Wakeup{Cluster: k.ID, Incident: d.Incident, Decision: d.ID}); err != nil {
		log.Error().Err(err).Msg("execute could not be woken; inspect will find it")
		return inc, incident.Text{EN: said.EN + " The start is delayed: it will begin within a few minutes by itself.", ZH: said.ZH + "启动稍有延迟，将在几分钟内自动开始。"}, lark.ToastWarning
	}
	return inc, said, lark.ToastSuccess
}

// Wakeup is the event that execute takes.
type Wakeup struct {
	Cluster  string      `json:"cluster"`
	Incident incident.ID `json:"incident"`
	Decision string      `json:"decision,omitempty"`
}

func made(inc *incident.Incident, id string) *incident.Decision {
	for _, r := range inc.Rounds {
		for i := range r.Decisions {
			if r.Decisions[i].ID == id {
				return &r.Decisions[i]
			}
		}
	}
	return nil
}

func notRecorded(ctx context.Context, err error) incident.Text {
	zerolog.Ctx(ctx).Error().Err(err).Msg("decision could not be recorded")
	return incident.Text{EN: "Your decision could not be recorded, so nothing was changed. Please try again.", ZH: "您的操作未能记录，未做任何变更，请重试。"}
}

// inDoubt is a record whose answer was lost: it may be there, and then it counts.
func inDoubt(ctx context.Context, err error) incident.Text {
	zerolog.Ctx(ctx).Error().Err(err).Msg("it is not known whether the decision was recorded")
	return incident.Text{
		EN: "It is not certain that your decision was recorded. Nothing has been changed so far; if it was, it takes effect within a few minutes. Please try again to be sure.",
		ZH: "无法确定您的操作是否已记录。目前未做任何变更；若已记录，将在几分钟内生效。请重试以确认。",
	}
}

func repeated(d incident.Decision) incident.Text {
	if d.Refused != "" {
		return incident.Text{EN: "This was answered before: it had no effect.", ZH: "该操作此前已处理，未产生影响。"}
	}
	return incident.Text{EN: "This was recorded before.", ZH: "该操作此前已记录。"}
}

// accepted says what a decision that counts leads to.
func accepted(r *incident.Round, d incident.Decision) incident.Text {
	switch d.Verb {
	case incident.Reject:
		return incident.Text{EN: "Rejected. Nothing will be changed.", ZH: "已拒绝，不会做任何变更。"}
	case incident.Stop:
		return incident.Text{EN: "Stop recorded: no further step will begin.", ZH: "已记录停止请求，不会再开始新的步骤。"}
	case incident.Undo:
		return incident.Text{EN: "Undo recorded: the change will be taken back.", ZH: "已记录回滚请求，将撤销该变更。"}
	case incident.Approve:
	}
	if r.Consent().Confirmation == nil {
		return incident.Text{
			EN: "Solution " + d.Solution + ": your confirmation is recorded. A second, different person must confirm before anything is changed.",
			ZH: "方案" + d.Solution + "：您的确认已记录，还需另一位审批人确认后才会执行。",
		}
	}
	return incident.Text{EN: "Solution " + d.Solution + " is confirmed and will be executed now.", ZH: "方案" + d.Solution + "已确认，即将执行。"}
}
