package worlds

import (
	"bytes"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/banyan-migration/banyan/infra/permissions"
	"github.com/banyan-migration/banyan/services/all"
)

// log is what a function has said so far, in its log group.
func (a account) log(group string) []byte {
	a.t.Helper()
	var all bytes.Buffer
	for token := ""; ; {
		in := map[string]any{"logGroupName": group}
		if token != "" {
			in["nextToken"] = token
		}
		var page struct {
			Events    []struct{ Message string }
			NextToken string
		}
		a.ask("logs", "Logs_20140328.FilterLogEvents", in, &page)
		for _, e := range page.Events {
			all.WriteString(strings.TrimSuffix(e.Message, "\n") + "\n")
		}
		if page.NextToken == "" || page.NextToken == token {
			return all.Bytes()
		}
		token = page.NextToken
	}
}

// role is all that a function's role grants, as it stands in IAM.
func (a account) role(function string) []permissions.Policy {
	a.t.Helper()
	f, err := lambda.NewFromConfig(a.Config).GetFunctionConfiguration(a.t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &function})
	if err != nil {
		a.t.Fatal(err)
	}
	arn := aws.ToString(f.Role)
	role := map[string]string{"RoleName": arn[strings.LastIndex(arn, "/")+1:]}
	var granted []permissions.Policy
	var own struct {
		Names []string `xml:"ListRolePoliciesResult>PolicyNames>member"`
	}
	a.query("iam", "2010-05-08", "ListRolePolicies", role, &own)
	for _, name := range own.Names {
		var p struct {
			Document string `xml:"GetRolePolicyResult>PolicyDocument"`
		}
		a.query("iam", "2010-05-08", "GetRolePolicy", map[string]string{"RoleName": role["RoleName"], "PolicyName": name}, &p)
		granted = append(granted, a.policy(name, p.Document))
	}
	var attached struct {
		ARNs []string `xml:"ListAttachedRolePoliciesResult>AttachedPolicies>member>PolicyArn"`
	}
	a.query("iam", "2010-05-08", "ListAttachedRolePolicies", role, &attached)
	for _, arn := range attached.ARNs {
		granted = append(granted, a.attached(arn))
	}
	return granted
}

func (a account) attached(arn string) permissions.Policy {
	a.t.Helper()
	if strings.HasPrefix(arn, "arn:aws:iam::aws:") {
		p, err := permissions.Managed(arn)
		if err != nil {
			a.t.Fatal(err)
		}
		return p
	}
	var p struct {
		Version string `xml:"GetPolicyResult>Policy>DefaultVersionId"`
	}
	a.query("iam", "2010-05-08", "GetPolicy", map[string]string{"PolicyArn": arn}, &p)
	var v struct {
		Document string `xml:"GetPolicyVersionResult>PolicyVersion>Document"`
	}
	a.query("iam", "2010-05-08", "GetPolicyVersion", map[string]string{"PolicyArn": arn, "VersionId": p.Version}, &v)
	return a.policy(arn[strings.LastIndex(arn, "/")+1:], v.Document)
}

// policy reads a document as IAM gives it: JSON, with percent signs.
func (a account) policy(name, document string) permissions.Policy {
	a.t.Helper()
	if plain, err := url.QueryUnescape(document); err == nil && strings.HasPrefix(document, "%") {
		document = plain
	}
	p, err := permissions.Parse(name, []byte(document))
	if err != nil {
		a.t.Fatalf("%v\n%s", err, document)
	}
	return p
}

// callsIn are the calls that `banyan up --lambda` tells of on its standard error, by the function that each line begins with.
func callsIn(t *testing.T, log string) map[string][]permissions.Call {
	t.Helper()
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]*bytes.Buffer{}
	for line := range bytes.Lines(raw) {
		function, rest, _ := bytes.Cut(line, []byte(" "))
		if said[string(function)] == nil {
			said[string(function)] = &bytes.Buffer{}
		}
		said[string(function)].Write(rest)
	}
	all := map[string][]permissions.Call{}
	for function, lines := range said {
		if all[function], err = permissions.Read(lines); err != nil {
			t.Errorf("%s: %v", function, err)
		}
	}
	return all
}

// checkRoles holds what the functions asked of AWS, here and in another world, against their roles, in both directions.
func (s *stack) checkRoles(recorded map[string][]permissions.Call) {
	s.t.Helper()
	for _, e := range all.Services {
		calls, err := permissions.Read(bytes.NewReader(s.log("/aws/lambda/" + name + "-" + e.Name)))
		if err != nil || len(calls) == 0 {
			s.t.Errorf("%s: %d kinds of call in its log: %v", e.Name, len(calls), err)
			continue
		}
		elsewhere := recorded[name+"-"+e.Name]
		if recorded != nil && len(elsewhere) == 0 || permissions.Compare(calls, nil, nil).Fine() {
			s.t.Errorf("%s: %d kinds of call from another world, and a role without rights would do", e.Name, len(elsewhere))
		}
		for _, c := range elsewhere {
			if !slices.Contains(calls, c) {
				calls = append(calls, c)
			}
		}
		r := permissions.Compare(calls, s.role(name+"-"+e.Name), permissions.ByAWS)
		if !r.Fine() {
			s.t.Errorf("the role of %s:\n%s", e.Name, r)
			continue
		}
		s.t.Logf("the role of %s, %d kinds of call:\n%s", e.Name, len(calls), r)
	}
}
