package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"cce-oncall/infra/fakecloud/lark"
	"cce-oncall/infra/local/machine"
	"cce-oncall/shared/incident"
)

const (
	workload  = "default/chat-app"
	highLoad  = 2.5 // cores: too much for three pods of one core at 80 %, little enough for four
	stepLimit = 2 * time.Minute
)

// demo drives the case. A person clicks in the page; with auto the demo does.
type demo struct {
	m    *machine.Machine
	auto bool
	out  io.Writer

	about           string // the incident, once it is known
	alarmAt, cardAt time.Time
}

func (d *demo) run(ctx context.Context) error {
	d.say("open %s and follow the chat %q", d.m.Page, d.m.Chat.Name)
	err := d.journey(ctx)
	if !d.auto && err == nil {
		d.say("the case is over; the page stays until you press ^C")
		<-ctx.Done()
		return nil
	}
	return errors.Join(err, d.account())
}

// account prints what happened and what was measured, also after a failure.
func (d *demo) account() error {
	_, _ = fmt.Fprintln(d.out, "\n-- transcript") // standard output is all there is to tell
	err := d.m.WriteTranscript(d.out)
	d.others()
	_, _ = fmt.Fprintln(d.out, "\n-- figures")
	if !d.cardAt.IsZero() {
		_, _ = fmt.Fprintf(d.out, "alarm to card: %.1f s\n", d.cardAt.Sub(d.alarmAt).Seconds())
	}
	_, _ = fmt.Fprintf(d.out, "whole run: %.1f s\n", time.Since(d.m.Started()).Seconds())
	return errors.Join(err, d.m.WriteFigures(d.out))
}

// others names what else was alarmed, where more rules are at work than the demo's own.
func (d *demo) others() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	all, err := d.m.Incidents(ctx)
	if err != nil {
		return // the machine is down; what led to that has been said
	}
	for _, i := range all {
		if string(i.ID) == d.about || len(i.Alarms) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(d.out, "also alarmed: %s about %s: %s\n", i.Alarms[0].Name, i.Key, i.Status(time.Now()))
	}
}

func (d *demo) say(format string, args ...any) {
	d.m.Note("demo", format, args...)
	_, _ = fmt.Fprintf(d.out, "%6.1fs  "+format+"\n", append([]any{time.Since(d.m.Started()).Seconds()}, args...)...)
}

func (d *demo) journey(ctx context.Context) error {
	for _, step := range []func(context.Context) error{d.inspect, d.alarm, d.scaleOut, d.addNode, d.recovered, d.report} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// inspect: nothing is wrong, and the agent says so.
func (d *demo) inspect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if _, err := d.m.Cloud.Functions.Fire(d.m.Function("inspect"), "inspect"); err != nil {
		return fmt.Errorf("fire the inspection's timer: %w", err)
	}
	card, err := d.m.Card(ctx, "is normal")
	if err != nil {
		return err
	}
	d.say("inspect: %s", card.Title("en_us"))
	return nil
}

// alarm: the load rises, AOM fires, the card comes.
func (d *demo) alarm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	d.m.Loads.SetCores(workload, highLoad)
	d.say("load: %s now has %.1f cores of work for its two pods of one core", workload, highLoad)
	if err := d.m.AwaitAlarm(ctx, d.m.CPUAlarm()); err != nil {
		return err
	}
	d.say("AOM: %s fires", d.m.CPUAlarm())
	i, err := d.m.AwaitRound(ctx, workload, 1)
	if err != nil {
		return err
	}
	d.about = string(i.ID)
	card, ok := d.m.Lark.Message(i.Card.Message)
	if !ok {
		return fmt.Errorf("the card %s is not in the chat", i.Card.Message)
	}
	d.alarmAt, d.cardAt = i.Alarms[0].FiredAt, card.Created
	d.say("diagnose: %s", card.Title("en_us"))
	d.plan(i)
	return nil
}

// plan prints what the card offers.
func (d *demo) plan(i *incident.Incident) {
	for _, s := range i.Last().Plan.Solutions {
		if !s.Executable() {
			d.say("  %s. %s", s.ID, s.Title.EN)
			continue
		}
		d.say("  %s. %s — %s", s.ID, s.Title.EN, s.Prediction.EN)
	}
}

// scaleOut: confirmed, replicas go from two to four, and one pod finds no room.
func (d *demo) scaleOut(ctx context.Context) error {
	if err := d.confirm(ctx, 1, "ScaleOut"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if err := d.m.AwaitReplicas(ctx, "default", "chat-app", 4, 3); err != nil {
		return err
	}
	d.say("execute: chat-app wants four pods and has three; one is Pending")
	i, err := d.m.AwaitRound(ctx, d.about, 2)
	if err != nil {
		return err
	}
	d.say("execute: the alarm is still active; a new plan asks for a new confirmation")
	d.plan(i)
	return nil
}

// addNode: confirmed, the pool grows by one, the pod schedules by itself.
func (d *demo) addNode(ctx context.Context) error {
	if err := d.confirm(ctx, 2, "ScaleOutNodePool"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if err := d.m.AwaitReplicas(ctx, "default", "chat-app", 4, 4); err != nil {
		return err
	}
	d.say("CCE: the node is there and Kubernetes has scheduled the pod; four of four are ready")
	return nil
}

// recovered: the alarm clears, the card closes the loop, the archive verifies.
func (d *demo) recovered(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	i, err := d.m.Await(ctx, d.about, incident.Recovered)
	if err != nil {
		return err
	}
	d.say("execute: %s: %s", i.Closed.Status, i.Closed.Reason.EN)
	if alarms := d.m.Firing(d.m.CPUAlarm()); len(alarms) > 0 {
		return fmt.Errorf("the incident is closed, but %d alarms still fire", len(alarms))
	}
	a, err := d.m.VerifyArchive(ctx, i)
	if err != nil {
		return fmt.Errorf("the archive does not verify: %w", err)
	}
	if len(a.Breaks) > 0 || !a.Closed {
		return fmt.Errorf("the archive does not verify: sealed %v, breaks %q", a.Closed, a.Breaks)
	}
	d.say("archive: %d records in %d chains verify (%s)", a.Records, a.Chains, d.m.Prefix(i))
	if card, ok := d.m.Lark.Message(i.Card.Message); ok {
		d.say("the card closed the loop: %s", card.Title("en_us"))
	}
	return nil
}

// report: what the day was like so far.
func (d *demo) report(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	day := time.Now().In(time.FixedZone("CST", 8*3600)).Format("2006-01-02")
	if _, err := d.m.Cloud.Functions.Invoke(ctx, d.m.Function("report"), []byte(`{"day":"`+day+`"}`), "api"); err != nil {
		return fmt.Errorf("invoke report: %w", err)
	}
	card, err := d.m.Card(ctx, "Daily report "+day)
	if err != nil {
		return err
	}
	d.say("report: %s", card.Title("en_us"))
	return nil
}

// confirm waits for the round's plan and for its confirmation, which with auto it makes itself.
func (d *demo) confirm(ctx context.Context, round int, action string) error {
	waiting, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	i, err := d.m.AwaitRound(waiting, d.about, round)
	if err != nil {
		return err
	}
	letter, ok := machine.SolutionWith(i, action)
	if !ok {
		return fmt.Errorf("no solution of round %d has a step %s", round, action)
	}
	if !d.auto {
		d.say("confirm solution %s in the page (as %s), or write: Confirm execution of solution %s", letter, d.m.Approvers[0].Name, letter)
		_, err := d.m.AwaitThat(ctx, d.about, "be confirmed", func(i *incident.Incident) bool {
			return i.Rounds[round-1].Consent().Confirmation != nil
		})
		return err
	}
	if err := d.m.AwaitButton(waiting, i.Card.Message, "Confirm execution of solution "+letter); err != nil {
		return err
	}
	answer, err := d.m.Click(waiting, d.m.Approvers[0].Name, i.Card.Message, "Confirm execution of solution "+letter)
	if err != nil {
		return err
	}
	d.say("%s confirms %s: %s", d.m.Approvers[0].Name, letter, said(answer))
	if answer.Code != 0 || answer.Toast == nil || answer.Toast.Type == "error" {
		return fmt.Errorf("the click was not taken: code %d %s %s", answer.Code, answer.Reason, said(answer))
	}
	return nil
}

func said(a lark.Answer) string {
	if a.Toast == nil {
		return "(no toast)"
	}
	return a.Toast.In("en_us")
}
