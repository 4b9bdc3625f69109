package diagnose

import (
	"regexp"
	"slices"
)

// bugWords are the ways in which the run times of common languages say that the program itself is wrong: a nil, a missing field,
// column or method, a type that does not fit. A refused input or an absent item is not among them.
var bugWords = regexp.MustCompile(`\b(TypeError|ReferenceError|NameError|AttributeError|KeyError|IndexError|ImportError|ModuleNotFoundError|UnboundLocalError|NoMethodError|NotImplementedError|` +
	`NullPointerException|NullReferenceException|ClassCastException|ClassNotFoundException|NoSuchMethodError|NoSuchFieldError|NoClassDefFoundError|IndexOutOfBoundsException|ArrayIndexOutOfBoundsException|` +
	`InvalidCastException|IllegalStateException|UnsupportedOperationException|StackOverflowError|ArithmeticException|JsonMappingException|MismatchedInputException|UnrecognizedPropertyException|JsonException)\b|` +
	`panic: |panicked at|nil pointer dereference|invalid memory address|index out of range|Call to (undefined|a member) (function|method|of)|Uncaught (Error|Exception)|undefined method|undefined is not|Cannot read propert|` +
	`column .{1,60} does not exist|Unknown column|no such column|relation .{1,60} does not exist|doesn't exist|no such table|Unhandled exception|unhandled (error|rejection)|Traceback \(most recent`)

// fewBugs is how many lines of an error inside the program are no accident.
const fewBugs = 3

// brokenInside are the lines in which a ready workload says, again and again, that its own program fails, where that is felt: those who
// call it complain, or it is asked for.
func (v *view) brokenInside(w *workload) []sign {
	var out []sign
	n := 0
	for _, s := range v.signsOf(w) {
		if bugWords.MatchString(s.line) && !slices.Contains([]signKind{signRefused, signTimeout, signNoHost, signUpstream, signLimited, signTLS}, s.kind) {
			out = append(out, s)
			n += s.count
		}
	}
	if n < fewBugs {
		return nil
	}
	if v.asked(w.target) {
		return out
	}
	for _, k := range v.apps().fronts[w] {
		s := v.idx.Service(k.namespace, k.name)
		if s == nil {
			continue
		}
		if c, _ := v.firstComplaint(v.apps().callersOf(k.namespace, k.name), serviceTarget(s)); c != nil {
			return out
		}
	}
	return nil
}
