package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"cce-oncall/infra/local/machine"
	"cce-oncall/shared/incident"
)

// pictures is where screenshots go; the README shows one of them.
var pictures = flag.String("pictures", "", "folder to save screenshots of the chat page in")

const workload = "default/chat-app"

// browse opens the chat page in a real headless browser. Every flag but the address is there to keep it from calling home.
func browse(t *testing.T, page, who, language string) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1180, 1500), chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	)
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	query := url.Values{"user": {who}, "lang": {language}, "theme": {"light"}}
	if err := chromedp.Do(ctx, chromedp.Navigate(page+"?"+query.Encode()), chromedp.WaitVisible(chromedp.ID("chat-name"))); err != nil {
		t.Fatalf("open the chat page: %v", err)
	}
	return ctx
}

// picture saves what a part of the page looks like, when asked to.
func picture(t *testing.T, browser context.Context, selector, name string) {
	t.Helper()
	if *pictures == "" {
		return
	}
	png, err := chromedp.Run(browser, chromedp.Screenshot(chromedp.CSS(selector)))
	if err != nil {
		t.Fatalf("take a picture of %s: %v", selector, err)
	}
	if err := os.WriteFile(filepath.Join(*pictures, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

// press clicks a button of a card by its words, and says yes to the question that follows.
func press(ctx, browser context.Context, message, words string) error {
	button := chromedp.Search(fmt.Sprintf(`//*[@id=%q]//button[contains(., %q)]`, message, words))
	yes := chromedp.ID("ask-yes")
	return step(ctx, browser, chromedp.WaitVisible(button), chromedp.ScrollIntoView(button), chromedp.Click(button), chromedp.WaitVisible(yes), chromedp.Click(yes))
}

// sees waits until a message shows words.
func sees(ctx, browser context.Context, message, words string) error {
	return step(ctx, browser, chromedp.WaitVisible(chromedp.Search(fmt.Sprintf(`//*[@id=%q]//*[contains(text(), %q)]`, message, words))))
}

// step gives the browser as long as ctx has.
func step(ctx, browser context.Context, actions ...chromedp.Action[chromedp.Void]) error {
	limit, cancel := context.WithTimeout(browser, time.Until(deadline(ctx)))
	defer cancel()
	return chromedp.Do(limit, actions...)
}

func deadline(ctx context.Context) time.Time {
	if at, ok := ctx.Deadline(); ok {
		return at
	}
	return time.Now().Add(time.Minute)
}

// TestAPersonConfirmsInTheBrowser is the whole journey with a person's means only: the page, two clicks, and what the card says.
func TestAPersonConfirmsInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	m := start(ctx, t, machine.Options{})
	browser := browse(t, m.Page, m.Approvers[1].Name, "en_us")
	m.Loads.SetCores(workload, 2.5)
	for round, action := range []string{"ScaleOut", "ScaleOutNodePool"} {
		i, err := m.AwaitRound(ctx, workload, round+1)
		if err != nil {
			t.Fatal(err)
		}
		letter, ok := machine.SolutionWith(i, action)
		if !ok {
			t.Fatalf("round %d offers no %s", round+1, action)
		}
		if err := sees(ctx, browser, i.Card.Message, "Confirm execution of solution "+letter); err != nil {
			t.Fatal(err)
		}
		picture(t, browser, fmt.Sprintf(`[id="%s"]`, i.Card.Message), fmt.Sprintf("card-%d", round+1))
		if err := press(ctx, browser, i.Card.Message, "Confirm execution of solution "+letter); err != nil {
			t.Fatalf("confirm %s in the page: %v", letter, err)
		}
		i, err = m.AwaitThat(ctx, workload, "be confirmed", func(i *incident.Incident) bool { return i.Rounds[round].Consent().Confirmation != nil })
		if err != nil {
			t.Fatal(err)
		}
		if by := i.Rounds[round].Consent().Confirmation.Decisions; len(by) != 1 || by[0].By != m.Approvers[1].OpenID {
			t.Errorf("round %d was confirmed by %+v, not by %s alone", round+1, by, m.Approvers[1].OpenID)
		}
	}
	i, err := m.Await(ctx, workload, incident.Recovered)
	if err != nil {
		t.Fatal(err)
	}
	if err := sees(ctx, browser, i.Card.Message, "Recovered"); err != nil {
		t.Fatalf("see the closed-loop card: %v", err)
	}
	picture(t, browser, fmt.Sprintf(`[id="%s"]`, i.Card.Message), "card-closed")
	verify(ctx, t, m, i)
}
