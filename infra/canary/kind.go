package canary

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Type is a deployment preference of SAM's, by its name.
type Type struct {
	Name  string
	share float64       // of each step; 1: everything at once
	every time.Duration // between steps
	steps int           // of share; what is left comes with the last
}

// types are those that CodeDeploy has for Lambda (CodeDeployDefault.Lambda…) and SAM takes.
var types = []Type{
	{"AllAtOnce", 1, 0, 0},
	{"Canary10Percent5Minutes", 0.1, 5 * time.Minute, 1},
	{"Canary10Percent10Minutes", 0.1, 10 * time.Minute, 1},
	{"Canary10Percent15Minutes", 0.1, 15 * time.Minute, 1},
	{"Canary10Percent30Minutes", 0.1, 30 * time.Minute, 1},
	{"Linear10PercentEvery1Minute", 0.1, time.Minute, 9},
	{"Linear10PercentEvery2Minutes", 0.1, 2 * time.Minute, 9},
	{"Linear10PercentEvery3Minutes", 0.1, 3 * time.Minute, 9},
	{"Linear10PercentEvery10Minutes", 0.1, 10 * time.Minute, 9},
}

// Types are the names that ParseType takes.
func Types() []string {
	var names []string
	for _, t := range types {
		names = append(names, t.Name)
	}
	return names
}

// ParseType reads a deployment preference, with or without the CodeDeployDefault.Lambda that CodeDeploy's own names have.
func ParseType(name string) (Type, error) {
	short := strings.TrimPrefix(name, "CodeDeployDefault.Lambda")
	i := slices.IndexFunc(types, func(t Type) bool { return t.Name == short })
	if i < 0 {
		return Type{}, fmt.Errorf("%q is no deployment preference: %s", name, strings.Join(Types(), ", "))
	}
	return types[i], nil
}

// step is a share of the traffic and how long it stays so.
type step struct {
	share float64
	stay  time.Duration
}

// plan is every step up to the whole, which stays.
func (t Type) plan() []step {
	var all []step
	for i := range t.steps {
		all = append(all, step{t.share * float64(i+1), t.every})
	}
	return append(all, step{share: 1})
}
