package lark

import "fmt"

// Codes of the open platform that this server answers with.
const (
	codeParam          = 230001
	codeBotOutside     = 230002
	codeRecalled       = 230011
	codeUserOutside    = 230013
	codeMessageRate    = 230020
	codeTooLong        = 230025
	codePermission     = 230027
	codeTooOld         = 230031
	codeReceiver       = 230034
	codeBeingSent      = 230049
	codeNoThreads      = 230071
	codeCard           = 230099
	codeFieldInvalid   = 99992402 // gateway validation of a field, as reported by callers
	codeThrottled      = 99991400
	codeNoToken        = 99991661
	codeBadToken       = 99991663
	codeTokenForm      = 99991671
	codeAppCredentials = 10003 // reported with HTTP 200 and "invalid param"
	codeUpdateForm     = 300020
	codeUpdateExpired  = 300030
	codeUpdateUsed     = 300040
)

// Sub-codes inside the message of 230099 and of a refused callback card.
const (
	subPerson    = 100290
	subLimit     = 11310 // element count, table count, card lock
	subJSON      = 200621
	subImage     = 200570
	subChart     = 200550
	subFormName  = 200530
	subDropped   = 200861 // component of 1.0 that 2.0 dropped
	subTableRows = 200914
	subDowngrade = 200830
)

// apiError is a refusal of the API.
type apiError struct {
	status int // HTTP
	code   int
	msg    string
	header map[string]string
	raw    []byte // sent in place of the JSON, for faults such as a proxy's page
}

func refuse(code int, format string, args ...any) *apiError {
	return &apiError{status: 400, code: code, msg: fmt.Sprintf(format, args...)}
}

// cardError says why a card cannot be shown.
type cardError struct {
	sub  int
	msg  string
	path string
}

func (e *cardError) Error() string {
	s := fmt.Sprintf("ErrCode: %d; ErrMsg: %s; ", e.sub, e.msg)
	if e.path != "" {
		s += fmt.Sprintf("ErrPath: %s; ", e.path)
	}
	return s
}

func (e *cardError) api() *apiError {
	return refuse(codeCard, "Failed to create card content, ext=%s", e.Error())
}
