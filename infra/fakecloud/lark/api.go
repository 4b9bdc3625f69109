package lark

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// call is one authenticated request to the API. Handlers run with the mutex held.
type call struct {
	r    *http.Request
	body []byte
}

// decode reads the JSON body; the platform ignores keys it does not know.
func (c *call) decode(v any) *apiError {
	if err := json.Unmarshal(c.body, v); err != nil {
		return refuse(codeFieldInvalid, "field validation failed: the request body is not valid JSON")
	}
	return nil
}

// answer is what the API says: payload goes under "data", or beside code and msg
// when flat.
type answer struct {
	payload map[string]any
	flat    bool
}

type operation func(*call) (answer, *apiError)

func data(payload map[string]any) (answer, *apiError) {
	if payload == nil {
		payload = map[string]any{}
	}
	return answer{payload: payload}, nil
}

const bodyLimit = fileSize + 1<<20

// api makes an http.Handler of an operation: log id, gateway limit, token,
// injected faults, then the operation itself.
func (s *Server) api(op string, open bool, do operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		if err != nil {
			s.writeError(w, op, refuse(codeFieldInvalid, "the request body cannot be read"))
			return
		}
		spoil := s.nextFault(op)
		if spoil != nil && !spoil.After {
			s.hold(r, spoil.Delay)
			if !spoil.slowOnly() {
				s.spoil(w, op, *spoil)
				return
			}
			spoil = nil
		}
		out, fail := s.run(op, open, do, &call{r: r, body: body})
		s.noteCall(op, r, body, fail)
		switch {
		case spoil != nil && !spoil.slowOnly():
			s.hold(r, spoil.Delay)
			s.spoil(w, op, *spoil)
		case fail != nil:
			s.writeError(w, op, fail)
		default:
			s.writeAnswer(w, out)
		}
	}
}

func (s *Server) run(op string, open bool, do operation, c *call) (answer, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit, wait := s.gateway(op); wait > 0 {
		e := refuse(codeThrottled, "request trigger frequency limit")
		e.status = http.StatusTooManyRequests
		e.header = map[string]string{"x-ogw-ratelimit-limit": strconv.Itoa(limit), "x-ogw-ratelimit-reset": strconv.Itoa(wait)}
		return answer{}, e
	}
	if !open {
		if e := s.authorise(c.r); e != nil {
			return answer{}, e
		}
	}
	return do(c)
}

// authorise checks the tenant token the way the gateway words it.
func (s *Server) authorise(r *http.Request) *apiError {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok || token == "":
		return refuse(codeNoToken, "Missing access token for authorization. Please make a request with token attached.")
	case !strings.HasPrefix(token, "t-"):
		return refuse(codeTokenForm, "Invalid access token for authorization. Please make sure the token starts with t- or u-.")
	}
	for _, t := range s.tokens {
		if t.value == token && s.now().Before(t.expires) {
			return nil
		}
	}
	return refuse(codeBadToken, "Invalid access token for authorization. Please make a request with token attached.")
}

func (s *Server) logID(w http.ResponseWriter) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.now().UTC().Format("20060102150405") + strings.ToUpper(s.mint.hex(18))
	w.Header().Set("X-Tt-Logid", id)
	w.Header().Set("X-Request-Id", id)
	return id
}

func (s *Server) writeAnswer(w http.ResponseWriter, a answer) {
	s.logID(w)
	out := map[string]any{"code": 0, "msg": "success"}
	if a.flat {
		for k, v := range a.payload {
			out[k] = v
		}
	} else {
		out["data"] = a.payload
	}
	writeJSON(w, http.StatusOK, out)
}

func (s *Server) writeError(w http.ResponseWriter, op string, e *apiError) {
	id := s.logID(w)
	for k, v := range e.header {
		w.Header().Set(k, v)
	}
	if e.raw != nil {
		w.WriteHeader(e.status)
		w.Write(e.raw)
		return
	}
	writeJSON(w, e.status, map[string]any{
		"code": e.code,
		"msg":  e.msg,
		"error": map[string]any{
			"log_id":         id,
			"troubleshooter": fmt.Sprintf("https://open.feishu.cn/search?from=openapi&log_id=%s&code=%d&method_id=%s", id, e.code, op),
		},
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return // the caller went away
	}
}

// routes lists every address of the server.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	route := func(pattern, op string, do operation) { mux.HandleFunc(pattern, s.api(op, false, do)) }
	mux.HandleFunc("POST /open-apis/auth/v3/tenant_access_token/internal", s.api(OpToken, true, s.issueToken))

	const im = "/open-apis/im/v1"
	route("POST "+im+"/messages", OpCreate, s.createMessage)
	route("POST "+im+"/messages/{id}/reply", OpReply, s.replyMessage)
	route("PATCH "+im+"/messages/{id}", OpPatch, s.patchCard)
	route("PUT "+im+"/messages/{id}", OpEdit, s.editMessage)
	route("DELETE "+im+"/messages/{id}", OpDelete, s.deleteMessage)
	route("GET "+im+"/messages/{id}", OpGet, s.getMessage)
	route("PATCH "+im+"/messages/{id}/urgent_app", OpUrgent, s.urgent)
	route("PATCH "+im+"/messages/{id}/urgent_sms", OpUrgent, s.urgent)
	route("PATCH "+im+"/messages/{id}/urgent_phone", OpUrgent, s.urgent)
	route("POST "+im+"/images", OpImage, s.uploadImage)
	route("POST "+im+"/files", OpFile, s.uploadFile)
	route("POST "+im+"/pins", OpPin, s.pin)
	route("DELETE "+im+"/pins/{id}", OpPin, s.unpin)
	route("GET "+im+"/chats/{id}", OpChat, s.getChat)
	route("GET "+im+"/chats/{id}/members", OpMembers, s.members)
	route("GET "+im+"/chats/{id}/members/is_in_chat", OpMembers, s.isInChat)
	route("POST "+im+"/chats/{id}/top_notice/put_top_notice", OpBanner, s.putBanner)
	route("POST /open-apis/contact/v3/users/batch_get_id", OpPeople, s.batchGetID)
	route("GET /open-apis/contact/v3/users/{id}", OpPeople, s.getUser)
	route("GET /open-apis/bot/v3/info", OpBot, s.botInfo)
	route("GET /open-apis/event/v1/outbound_ip", OpIPs, s.outboundIPs)
	route("POST /open-apis/interactive/v1/card/update", OpDelayed, s.delayedUpdate)
	route("POST /open-apis/ephemeral/v1/send", OpEphemeral, s.sendEphemeral)
	route("POST /open-apis/ephemeral/v1/delete", OpEphemeral, s.deleteEphemeral)

	s.pageRoutes(mux)
	s.adminRoutes(mux)
	return mux
}
