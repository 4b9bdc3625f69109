package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"cce-oncall/shared/config"
	"cce-oncall/shared/incident"
	"cce-oncall/shared/lark"
	"cce-oncall/shared/record"
)

// recent is how far back typed words look for an open incident that they could mean.
const recent = 3 * 24 * time.Hour

// place is an open incident that words in a chat may be about.
type place struct {
	cluster config.Cluster
	inc     *incident.Incident
}

// message is a typed sentence. What is not exactly a command changes nothing; what sounds like one is asked back.
func (w *webhook) message(ctx context.Context, m lark.Message) {
	log := zerolog.Ctx(ctx)
	if m.SenderType == "bot" || !m.ToBot && m.RootID == "" {
		return
	}
	cmd := lark.ParseCommand(m.Text)
	if !m.ToBot && (cmd.Kind == lark.CommandUnknown || !w.belowCard(ctx, m)) {
		return // people talking to each other, below a card or anywhere
	}
	said, err := w.obey(ctx, m, cmd)
	if err != nil {
		log.Error().Err(err).Msg("typed words could not be dealt with")
		said = incident.Text{EN: "The records could not be read just now. Nothing was changed: please try again.", ZH: "暂时无法读取记录，未做任何变更，请重试。"}
	}
	if err := w.reply(ctx, m, said); err != nil {
		log.Error().Err(err).Msg("reply could not be posted")
	}
}

// belowCard says whether a message answers one of our cards: only there words count that are not said to the bot.
func (w *webhook) belowCard(ctx context.Context, m lark.Message) bool {
	book := w.book(ctx)
	for _, id := range []string{m.RootID, m.ParentID} {
		if id == "" {
			continue
		}
		if _, found, err := book.ByMessage(ctx, id); found || err != nil {
			return true // unreadable records are said to whoever may have meant us
		}
	}
	return false
}

// obey does what a command says and returns the answer to it.
func (w *webhook) obey(ctx context.Context, m lark.Message, cmd lark.Command) (incident.Text, error) {
	switch cmd.Kind {
	case lark.CommandAmbiguous:
		return cmd.Ask, nil
	case lark.CommandHelp, lark.CommandUnknown:
		return help, nil
	case lark.CommandConfirm, lark.CommandPlain, lark.CommandReject, lark.CommandStop, lark.CommandUndo, lark.CommandStatus:
	}
	book := w.book(ctx)
	places, err := w.places(ctx, book, m)
	if err != nil {
		return incident.Text{}, err
	}
	if cmd.Kind == lark.CommandStatus {
		return w.standing(places), nil
	}
	at, d, unclear := choose(places, cmd)
	if unclear != (incident.Text{}) {
		return unclear, nil
	}
	d.ID, d.Typed, d.By, d.Chat, d.Message, d.At = "msg-"+m.MessageID, true, m.Sender, m.Chat, m.MessageID, w.now().UTC()
	d.Union, d.SaidAt = m.Union, m.SentAt
	_, said, _ := w.decide(ctx, book, at.cluster, d)
	return said, nil
}

var help = incident.Text{
	EN: "You can reply to a card: \"Confirm execution of solution A\", \"Reject <reason>\", \"Stop\", \"Undo\", \"Status\".",
	ZH: "可在卡片下回复：“确认执行方案A”、“拒绝 <原因>”、“停止”、“回滚”、“状态”。",
}

// places are the incidents that the words may mean: the one whose card is answered, otherwise every open one in this chat.
func (w *webhook) places(ctx context.Context, book *record.Book, m lark.Message) ([]place, error) {
	for _, id := range []string{m.RootID, m.ParentID} {
		if id == "" {
			continue
		}
		shown, found, err := book.ByMessage(ctx, id)
		if err != nil {
			return nil, err
		}
		if k, ok := w.clusters.Find(shown.Cluster); found && ok {
			inc, found, err := book.Load(ctx, k.ID, shown.Incident)
			if err != nil || found {
				return []place{{k, inc}}, err
			}
		}
	}
	var out []place
	for _, k := range w.clusters {
		openings, err := book.Openings(ctx, k.ID)
		if err != nil {
			return nil, err
		}
		for _, o := range openings {
			if o.Chat != m.Chat || w.now().Sub(o.At) > recent {
				continue
			}
			inc, found, err := book.Load(ctx, k.ID, o.ID)
			if err != nil {
				return nil, err
			}
			if found && inc.Card != nil && !inc.Status(w.now()).Final() {
				out = append(out, place{k, inc})
			}
		}
	}
	return out, nil
}

// choose finds the one decision that words mean, or says what is unclear.
func choose(places []place, cmd lark.Command) (place, incident.Decision, incident.Text) {
	var fitting []place
	var decisions []incident.Decision
	for _, p := range places {
		if d, ok := meant(p.inc, cmd); ok {
			fitting = append(fitting, p)
			decisions = append(decisions, d)
		}
	}
	switch {
	case len(fitting) == 1:
		return fitting[0], decisions[0], incident.Text{}
	case len(fitting) > 1:
		return place{}, incident.Decision{}, incident.Text{
			EN: fmt.Sprintf("%d open incidents in this chat could be meant. Nothing was changed: please reply to the card itself.", len(fitting)),
			ZH: fmt.Sprintf("本会话中有 %d 个进行中的事件符合，未做任何变更，请直接回复对应的卡片。", len(fitting)),
		}
	case len(places) == 0:
		return place{}, incident.Decision{}, incident.Text{EN: "There is no open incident in this chat. Nothing was changed.", ZH: "本会话中没有进行中的事件，未做任何变更。"}
	case cmd.Kind == lark.CommandPlain:
		return place{}, incident.Decision{}, incident.Text{
			EN: "More than one solution is open. Nothing was changed: please name it, e.g. \"Confirm execution of solution A\".",
			ZH: "存在多个可选方案，未做任何变更，请指明方案，例如“确认执行方案A”。",
		}
	default:
		return place{}, incident.Decision{}, incident.Text{
			EN: "No open plan has that solution. Nothing was changed: please look at the newest card.",
			ZH: "当前方案中没有该选项，未做任何变更，请查看最新卡片。",
		}
	}
}

// meant is the decision that a command makes about an incident; ok is false where it cannot mean this one.
func meant(inc *incident.Incident, cmd lark.Command) (incident.Decision, bool) {
	r := inc.Last()
	if r == nil || r.Plan == nil {
		return incident.Decision{}, false
	}
	d := incident.Decision{Incident: inc.ID, Round: r.Number}
	switch cmd.Kind {
	case lark.CommandConfirm, lark.CommandPlain:
		s, ok := solution(r.Plan, cmd)
		if !ok {
			return d, false
		}
		d.Verb, d.Solution, d.Digest = incident.Approve, s.ID, s.Digest(inc.ID)
	case lark.CommandReject:
		d.Verb, d.Comment = incident.Reject, cmd.Reason
	case lark.CommandStop:
		d.Verb = incident.Stop
	case lark.CommandUndo:
		d.Verb = incident.Undo
	case lark.CommandStatus, lark.CommandHelp, lark.CommandAmbiguous, lark.CommandUnknown:
		return d, false
	}
	return d, true
}

// solution is the one named, or for a plain confirmation the only one that a machine can carry out.
func solution(p *incident.Plan, cmd lark.Command) (incident.Solution, bool) {
	if cmd.Kind == lark.CommandConfirm {
		s, ok := p.Solution(cmd.Letter)
		return s, ok
	}
	var only incident.Solution
	n := 0
	for _, s := range p.Solutions {
		if s.Executable() {
			only, n = s, n+1
		}
	}
	return only, n == 1
}

func (w *webhook) standing(places []place) incident.Text {
	if len(places) == 0 {
		return incident.Text{EN: "There is no open incident in this chat.", ZH: "本会话中没有进行中的事件。"}
	}
	var en, zh []string
	for _, p := range places {
		line := fmt.Sprintf("%s · %s · %s", p.cluster.Incident().Label(), p.inc.Key, p.inc.Status(w.now()))
		en, zh = append(en, line), append(zh, line)
	}
	return incident.Text{EN: strings.Join(en, "\n"), ZH: strings.Join(zh, "\n")}
}

func (w *webhook) reply(ctx context.Context, m lark.Message, said incident.Text) error {
	t, err := w.teller(ctx, w.clusters[0], w.book(ctx)) // there is at least one: config has checked it
	if err != nil {
		return err
	}
	_, err = t.Cards.ReplyText(ctx, m.MessageID, said, lark.UUID("answer", m.MessageID))
	return err
}
