package lark

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	sdk "github.com/larksuite/oapi-sdk-go/v3"
	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"
)

// The official client is the judge of whether this is the platform's API.
func TestOfficialClientWorks(t *testing.T) {
	w := newWorld(t)
	c := sdk.NewClient(w.App().ID, w.App().Secret, sdk.WithOpenBaseUrl(w.url), sdk.WithLogLevel(larkcore.LogLevelError))
	ctx := deadline(t)

	made, err := c.Im.Message.Create(ctx, larkim.NewCreateMessageReqBuilder().ReceiveIdType("chat_id").
		Body(larkim.NewCreateMessageReqBodyBuilder().ReceiveId(w.group.ID).MsgType("interactive").Content(card(hello, confirmA)).Uuid("inc-1/v1").Build()).Build())
	if err != nil || !made.Success() {
		t.Fatalf("create: %v %v", err, made)
	}
	id := *made.Data.MessageId

	replied, err := c.Im.Message.Reply(ctx, larkim.NewReplyMessageReqBuilder().MessageId(id).
		Body(larkim.NewReplyMessageReqBodyBuilder().MsgType("text").Content(`{"text":"started"}`).ReplyInThread(true).Build()).Build())
	if err != nil || !replied.Success() {
		t.Fatalf("reply: %v %v", err, replied)
	}
	if *replied.Data.RootId != id || *replied.Data.ThreadId == "" {
		t.Errorf("reply has root %q thread %q, want the card and a topic", *replied.Data.RootId, *replied.Data.ThreadId)
	}

	patched, err := c.Im.Message.Patch(ctx, larkim.NewPatchMessageReqBuilder().MessageId(id).
		Body(larkim.NewPatchMessageReqBodyBuilder().Content(card(`{"tag":"markdown","content":"done"}`)).Build()).Build())
	if err != nil || !patched.Success() {
		t.Fatalf("patch: %v %v", err, patched)
	}
	if m, _ := w.Message(id); len(m.Revisions) != 2 || m.Text("") != "CPU high\ndone\n" {
		t.Errorf("after the patch the card reads %q in %d revisions", m.Text(""), len(m.Revisions))
	}

	refused, err := c.Im.Message.Patch(ctx, larkim.NewPatchMessageReqBuilder().MessageId(id).
		Body(larkim.NewPatchMessageReqBodyBuilder().Content(card(`{"tag":"note","elements":[]}`)).Build()).Build())
	if err != nil || refused.Success() || refused.Code != 230099 || refused.LogId() == "" {
		t.Errorf("a refused card gives %v, code %d, log id %q", err, refused.Code, refused.LogId())
	}

	var pic bytes.Buffer
	if err := png.Encode(&pic, image.NewRGBA(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	up, err := c.Im.Image.Create(ctx, larkim.NewCreateImageReqBuilder().
		Body(larkim.NewCreateImageReqBodyBuilder().ImageType("message").Image(&pic).Build()).Build())
	if err != nil || !up.Success() {
		t.Fatalf("image: %v %v", err, up)
	}
	w.post(t, card(`{"tag":"img","img_key":"`+*up.Data.ImageKey+`","alt":{"tag":"plain_text","content":"chart"}}`))

	people, err := c.Im.ChatMembers.Get(ctx, larkim.NewGetChatMembersReqBuilder().ChatId(w.group.ID).MemberIdType("open_id").PageSize(1).Build())
	if err != nil || !people.Success() || len(people.Data.Items) != 1 || !*people.Data.HasMore {
		t.Fatalf("members: %v %+v", err, people)
	}
}
