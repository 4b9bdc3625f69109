package e2e

import (
	"context"
	"errors"
	"fmt"

	"github.com/rogpeppe/go-internal/testscript"

	"cce-oncall/infra/fakecloud/lark"
	"cce-oncall/infra/local/machine"
)

// attack NAME WHO OBJECT LABEL [OTHER]: somebody means ill with a button of the incident's card, against the deployed webhook. "forged"
// is every attack that must be refused by HTTP status, or for a value that no card of ours has, at least left without effect. What
// came of the others, the script says next.
func attack(ctx context.Context, _ *testscript.TestScript, w *world, args []string) error {
	if err := need(args, 4, "attack NAME|forged WHO OBJECT LABEL [OTHER]"); err != nil {
		return err
	}
	i, err := about(ctx, w, args[2])
	if err != nil {
		return err
	}
	c, ok := w.m.Lark.Message(i.Card.Message)
	if !ok {
		return errors.New("the card is not in the chat")
	}
	b, ok := machine.Button(c, args[3])
	if !ok {
		return fmt.Errorf("the card has no button %q", args[3])
	}
	plan := lark.Plan{Attack: lark.Attack(args[0]), User: args[1], Message: c.ID, Target: b.Path, Chat: w.m.Other.ID}
	if len(args) > 4 {
		plan.Other = args[4]
	}
	if args[0] != "forged" {
		_, err := w.m.Lark.Attack(ctx, plan)
		return err
	}
	tried := 0
	for _, a := range lark.Attacks() {
		if !a.Forged() {
			continue
		}
		plan.Attack = a
		out, err := w.m.Lark.Attack(ctx, plan)
		if err != nil {
			return err
		}
		for _, o := range out {
			tried++
			if !o.Refused() && a != lark.StringValue {
				return fmt.Errorf("%s was answered %d %s %s", a, o.Status, o.Body, o.Err)
			}
		}
	}
	if tried < 14 {
		return fmt.Errorf("only %d forgeries were tried", tried)
	}
	return nil
}
