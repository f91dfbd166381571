package account

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// alarm is an alarm as CloudWatch describes it.
type alarm struct {
	Name    string   `xml:"AlarmName"`
	State   string   `xml:"StateValue"`
	Enabled bool     `xml:"ActionsEnabled"`
	Actions []string `xml:"AlarmActions>member"`
}

// alarms: all that a service should have must be there, be armed and silent, and tell somebody; others that it has besides, too.
func (a *Account) alarms(ctx context.Context, n Night) ([]Check, error) {
	found, err := a.listAlarms(ctx)
	if err != nil {
		return nil, err
	}
	heard, err := a.heard(ctx, found)
	if err != nil {
		return nil, err
	}
	var checks []Check
	for _, service := range n.Services {
		checks = append(checks, armed("alarms of "+service, n.Alarms[service], found, a.name(service)+"-", heard))
	}
	if whole := n.Alarms[""]; len(whole) > 0 {
		checks = append(checks, armed("alarms of the stage", whole, found, "", heard))
	}
	return checks, nil
}

// What to do about an alarm.
const (
	doDeploy  = "deploy template.yaml, which makes it"
	doArm     = "switch it on, and give it the alarm topic"
	doConfirm = "confirm the mail that AWS sent to AlarmEmail, or subscribe somebody to the topic"
	doFollow  = "follow its page in docs/runbooks"
)

// armed judges the alarms that are wanted, and those whose names begin with prefix where there is one.
func armed(name string, wanted []string, found []alarm, prefix string, heard map[string]bool) Check {
	var own []alarm
	var wrong, todo []string
	say := func(what, do string) {
		if !slices.Contains(wrong, what) {
			wrong = append(wrong, what)
		}
		if !slices.Contains(todo, do) {
			todo = append(todo, do)
		}
	}
	for _, x := range found {
		if slices.Contains(wanted, x.Name) || prefix != "" && strings.HasPrefix(x.Name, prefix) {
			own = append(own, x)
		}
	}
	total, good := len(own), 0
	for _, w := range wanted {
		if !slices.ContainsFunc(own, func(x alarm) bool { return x.Name == w }) {
			total++
			say(w+" is missing", doDeploy)
		}
	}
	for _, x := range own {
		switch {
		case !x.Enabled:
			say(x.Name+" is switched off", doArm)
		case len(x.Actions) == 0:
			say(x.Name+" tells nobody", doArm)
		case !slices.ContainsFunc(x.Actions, func(to string) bool { return heard[to] }):
			say("nobody has confirmed that they hear of "+strings.Join(x.Actions, ", "), doConfirm)
		case x.State == "ALARM":
			say(x.Name+" rings now", doFollow)
		default:
			good++
		}
	}
	if total == 0 {
		say("none is known", doDeploy)
	}
	return Check{Name: name, Held: len(wrong) == 0, Figure: strings.Join(append([]string{fmt.Sprintf("%d of %d armed", good, total)}, wrong...), "; "), Do: strings.Join(todo, "; ")}
}

// heard says of each thing that alarms tell whether somebody hears: of a topic, whether a subscription to it is confirmed; what is no
// topic acts by itself.
func (a *Account) heard(ctx context.Context, all []alarm) (map[string]bool, error) {
	heard := map[string]bool{}
	for _, x := range all {
		for _, to := range x.Actions {
			if _, asked := heard[to]; asked {
				continue
			}
			heard[to] = true
			if parts := strings.Split(to, ":"); len(parts) == 6 && parts[2] == "sns" {
				confirmed, err := a.confirmed(ctx, to)
				if err != nil {
					return nil, err
				}
				heard[to] = confirmed
			}
		}
	}
	return heard, nil
}

// confirmed says whether a topic has a subscription that somebody confirmed: until then its ARN is a word that says so.
func (a *Account) confirmed(ctx context.Context, topic string) (bool, error) {
	for token := ""; ; {
		form := url.Values{"TopicArn": {topic}}
		if token != "" {
			form.Set("NextToken", token)
		}
		var out struct {
			ARNs []string `xml:"ListSubscriptionsByTopicResult>Subscriptions>member>SubscriptionArn"`
			Next string   `xml:"ListSubscriptionsByTopicResult>NextToken"`
		}
		err := a.query(ctx, "sns", "SNS", "2010-03-31", "ListSubscriptionsByTopic", form, &out)
		if gone(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(out.ARNs, func(arn string) bool { return strings.HasPrefix(arn, "arn:") }) {
			return true, nil
		}
		if token = out.Next; token == "" {
			return false, nil
		}
	}
}

func (a *Account) listAlarms(ctx context.Context) ([]alarm, error) {
	var found []alarm
	for token := ""; ; {
		form := url.Values{"AlarmNamePrefix": {"banyan-" + a.Stage + "-"}, "MaxRecords": {"100"}}
		if token != "" {
			form.Set("NextToken", token)
		}
		var out struct {
			Alarms []alarm `xml:"DescribeAlarmsResult>MetricAlarms>member"`
			Next   string  `xml:"DescribeAlarmsResult>NextToken"`
		}
		if err := a.query(ctx, "monitoring", "CLOUDWATCH", "2010-08-01", "DescribeAlarms", form, &out); err != nil {
			return nil, err
		}
		found = append(found, out.Alarms...)
		if token = out.Next; token == "" {
			return found, nil
		}
	}
}
