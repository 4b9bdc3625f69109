package lark

// The parts of a JSON 2.0 card that are used, with the platform's keys: it refuses a card with any other key, so there is no map
// of free form in it but the chart's specification. Source: the platform's card JSON 2.0 structure and component pages.

type card struct {
	Schema string     `json:"schema"` // "2.0"
	Config config     `json:"config"`
	Header cardHeader `json:"header"`
	Body   body       `json:"body"`
}

type config struct {
	UpdateMulti        bool     `json:"update_multi"`               // everybody sees the same card; JSON 2.0 knows only true
	EnableForward      bool     `json:"enable_forward"`             // may be shown elsewhere …
	ForwardInteraction bool     `json:"enable_forward_interaction"` // … but not be clicked there
	WidthMode          string   `json:"width_mode"`                 // fill: evidence lines are long
	Summary            *summary `json:"summary,omitempty"`          // what the chat list and the notification show
}

type summary struct {
	Content string `json:"content"` // one language: whether the platform takes i18n_content here is contradicted
}

type cardHeader struct {
	Title    *plainText `json:"title"`
	Subtitle *plainText `json:"subtitle,omitempty"`
	Tags     []textTag  `json:"text_tag_list,omitempty"` // at most three
	I18nTags *i18nTags  `json:"i18n_text_tag_list,omitempty"`
	Template colour     `json:"template"`
}

type i18nTags struct {
	ZH []textTag `json:"zh_cn"`
	EN []textTag `json:"en_us"`
}

type textTag struct {
	Tag   string     `json:"tag"` // text_tag
	Text  *plainText `json:"text"`
	Color colour     `json:"color"`
}

type body struct {
	Spacing  string    `json:"vertical_spacing,omitempty"`
	Elements []element `json:"elements"`
}

// colour is one of the platform's names. It never says anything that words do not say as well.
type colour string

const (
	red       colour = "red"
	carmine   colour = "carmine"
	orange    colour = "orange"
	yellow    colour = "yellow"
	green     colour = "green"
	turquoise colour = "turquoise"
	blue      colour = "blue"
	wathet    colour = "wathet"
	purple    colour = "purple"
	greyed    colour = "grey"
)

// element is what a body or a container holds.
type element interface{ isElement() }

type i18n struct {
	ZH string `json:"zh_cn"`
	EN string `json:"en_us"`
}

type plainText struct {
	Tag     string `json:"tag"` // plain_text
	Content string `json:"content"`
	I18n    *i18n  `json:"i18n_content,omitempty"`
}

type markdown struct {
	Tag      string `json:"tag"` // markdown
	Content  string `json:"content"`
	I18n     *i18n  `json:"i18n_content,omitempty"`
	TextSize string `json:"text_size,omitempty"` // heading, normal, notation
}

type hr struct {
	Tag string `json:"tag"` // hr
}

type columnSet struct {
	Tag     string   `json:"tag"` // column_set
	Flex    string   `json:"flex_mode"`
	Spacing string   `json:"horizontal_spacing,omitempty"`
	Columns []column `json:"columns"`
}

type column struct {
	Tag        string    `json:"tag"` // column
	Background string    `json:"background_style,omitempty"`
	Width      string    `json:"width"`
	Weight     int       `json:"weight,omitempty"`
	Padding    string    `json:"padding,omitempty"`
	Spacing    string    `json:"vertical_spacing,omitempty"`
	Elements   []element `json:"elements"`
}

type panel struct {
	Tag      string      `json:"tag"` // collapsible_panel
	Expanded bool        `json:"expanded"`
	Header   panelHeader `json:"header"`
	Elements []element   `json:"elements"`
}

type panelHeader struct {
	Title *plainText `json:"title"`
	Icon  *icon      `json:"icon,omitempty"`
	Place string     `json:"icon_position,omitempty"`
	Angle int        `json:"icon_expanded_angle,omitempty"`
}

type icon struct {
	Tag   string `json:"tag"` // standard_icon
	Token string `json:"token"`
	Size  string `json:"size,omitempty"`
}

type button struct {
	Tag        string     `json:"tag"` // button
	ID         string     `json:"element_id,omitempty"`
	Name       string     `json:"name,omitempty"` // in a form
	Type       string     `json:"type"`           // default, primary, danger, …_filled
	Text       *plainText `json:"text"`
	Confirm    *confirm   `json:"confirm,omitempty"`
	FormAction string     `json:"form_action_type,omitempty"` // submit
	Behaviors  []behavior `json:"behaviors"`
}

type confirm struct {
	Title *plainText `json:"title"` // without it old clients do nothing at all on a click
	Text  *plainText `json:"text"`
}

// behavior is a callback with our token, or a link.
type behavior struct {
	Type  string            `json:"type"` // callback, open_url
	Value map[string]string `json:"value,omitempty"`
	URL   string            `json:"default_url,omitempty"`
}

type form struct {
	Tag      string    `json:"tag"` // form
	Name     string    `json:"name"`
	Elements []element `json:"elements"`
}

type input struct {
	Tag         string     `json:"tag"` // input
	Name        string     `json:"name"`
	Placeholder *plainText `json:"placeholder,omitempty"`
	MaxLength   int        `json:"max_length,omitempty"` // at most 1000
}

type chart struct {
	Tag    string    `json:"tag"` // chart
	Aspect string    `json:"aspect_ratio,omitempty"`
	Height string    `json:"height,omitempty"`
	Spec   chartSpec `json:"chart_spec"`
}

func (*markdown) isElement()  {}
func (*hr) isElement()        {}
func (*columnSet) isElement() {}
func (*panel) isElement()     {}
func (*button) isElement()    {}
func (*form) isElement()      {}
func (*input) isElement()     {}
func (*chart) isElement()     {}

func rule() element { return &hr{Tag: "hr"} }

// columns puts elements side by side in equal shares; on a narrow screen they go below each other.
func columns(cells ...[]element) element {
	set := &columnSet{Tag: "column_set", Flex: "stretch", Spacing: "medium"}
	for _, c := range cells {
		set.Columns = append(set.Columns, column{Tag: "column", Width: "weighted", Weight: 1, Elements: c})
	}
	return set
}

// box sets elements apart on a grey ground.
func box(e ...element) element {
	return &columnSet{Tag: "column_set", Flex: "none", Columns: []column{
		{Tag: "column", Background: "grey", Width: "weighted", Weight: 1, Padding: "12px", Spacing: "small", Elements: e},
	}}
}

// row puts elements side by side, each as wide as it needs.
func row(e ...element) element {
	set := &columnSet{Tag: "column_set", Flex: "flow", Spacing: "small"}
	for _, x := range e {
		set.Columns = append(set.Columns, column{Tag: "column", Width: "auto", Elements: []element{x}})
	}
	return set
}

func (p pen) small(w words) element {
	m := p.markdown(w)
	m.TextSize = "notation"
	return m
}

func (p pen) heading(w words) element { return p.markdown(bold(w)) }

// folded holds what is needed only when looked for.
func (p pen) folded(head words, e ...element) element {
	return &panel{Tag: "collapsible_panel", Header: panelHeader{
		Title: p.plain(title(head, 80)), Icon: &icon{Tag: "standard_icon", Token: "down-small-ccm_outlined", Size: "16px 16px"},
		Place: "right", Angle: -180,
	}, Elements: e}
}

func callbackTo(token string) []behavior {
	return []behavior{{Type: "callback", Value: map[string]string{tokenKey: token}}}
}

func (p pen) link(w words, url string) element {
	return &button{Tag: "button", Type: "default", Text: p.plain(w), Behaviors: []behavior{{Type: "open_url", URL: url}}}
}
