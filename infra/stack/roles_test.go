package stack

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/infra/permissions"
)

// documented are managed policies whose statements are not all on every resource, as AWS publishes them.
var documented = map[string]string{
	"arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda": `{"Statement":[
		{"Effect":"Allow","Action":["cloudwatch:DescribeAlarms","lambda:UpdateAlias","lambda:GetAlias","lambda:GetProvisionedConcurrencyConfig","sns:Publish"],"Resource":"*"},
		{"Effect":"Allow","Action":["s3:GetObject","s3:GetObjectVersion"],"Resource":"arn:aws:s3:::*/CodeDeploy/*"},
		{"Effect":"Allow","Action":["s3:GetObject","s3:GetObjectVersion"],"Resource":"*","Condition":{"StringEquals":{"s3:ExistingObjectTag/UseWithCodeDeploy":"true"}}},
		{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:*:*:function:CodeDeployHook_*"}]}`,
}

// excuse is a wildcard that stands, with the reason.
type excuse struct {
	who              string // id of the role, or of the resource that the policy lies on; here and below ** is any text
	action, resource string // as granted
	why              string
}

func (x excuse) is(who, action, resource string) bool {
	return like(x.who, who) && like(x.action, action) && like(x.resource, resource)
}

// like says that s is of a pattern, in which ** is any text.
func like(pattern, s string) bool {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*\*`, ".*") + "$").MatchString(s)
}

// statements are all that a role may or may not, by its own policies and by those attached to it.
func (e *estate) statements(role resource) (all []permissions.Statement, err error) {
	add := func(name string, document any) error {
		raw, err := json.Marshal(document)
		if err != nil {
			return err
		}
		p, err := permissions.Parse(name, raw)
		all = append(all, p.Statement...)
		return err
	}
	for _, p := range listOf(role.properties["Policies"]) {
		if err := add(role.id, at(p, "PolicyDocument")); err != nil {
			return nil, err
		}
	}
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::RolePolicy"} {
		for _, p := range e.of(kind) {
			if slices.Contains(listOf(p.properties["Roles"]), any("<"+role.id+">")) || text(p.properties, "RoleName") == "<"+role.id+">" {
				if err := add(p.id, p.properties["PolicyDocument"]); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, arn := range listOf(role.properties["ManagedPolicyArns"]) {
		name := strings.Replace(fmt.Sprint(arn), "<AWS::Partition>", "aws", 1)
		switch own, is := e.meant(name); {
		case is:
			err = add(own.id, own.properties["PolicyDocument"])
		case documented[name] != "":
			err = add(name, json.RawMessage(documented[name]))
		default:
			var p permissions.Policy
			p, err = permissions.Managed(name)
			all = append(all, p.Statement...)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// wildcards are the grants of more than what is named, less those that a denial of the same role cuts to what is named, and
// those that are excused; used are the excuses.
func (e *estate) wildcards(excuses []excuse) (found []string, used []excuse) {
	see := func(who string, s, of []permissions.Statement) {
		for _, statement := range s {
			if statement.Deny {
				continue
			}
			for _, action := range statement.Actions {
				for _, r := range statement.Resources {
					if !strings.ContainsAny(action+r.String(), "*?") || cut(action, r.String(), of) {
						continue
					}
					if i := slices.IndexFunc(excuses, func(x excuse) bool { return x.is(who, action, r.String()) }); i >= 0 {
						used = append(used, excuses[i])
						continue
					}
					found = append(found, fmt.Sprintf("%s may %s on %s: name what it is, or excuse it with a reason", who, action, r))
				}
			}
		}
	}
	for _, role := range e.of("AWS::IAM::Role") {
		s, err := e.statements(role)
		if err != nil {
			found = append(found, role.id+": "+err.Error())
		}
		see(role.id, s, s)
	}
	for _, r := range e.resources {
		for _, field := range []string{"KeyPolicy", "PolicyDocument", "AssumeRolePolicyDocument"} {
			if r.properties[field] == nil || strings.HasPrefix(r.kind, "AWS::IAM::") && field == "PolicyDocument" {
				continue
			}
			see(r.id, e.resourceBased(r, field, &found), nil)
		}
		if r.kind == "AWS::Lambda::Permission" || r.kind == "AWS::Lambda::LayerVersionPermission" {
			if strings.Contains(text(r.properties, "Principal"), "*") {
				found = append(found, r.id+" lets everybody")
			}
			if text(r.properties, "Action") == "lambda:*" {
				found = append(found, r.id+" lets its principal do anything")
			}
		}
	}
	return found, used
}

// resourceBased are the statements of a policy that lies on a resource. Who everybody is allowed by is found.
func (e *estate) resourceBased(r resource, field string, found *[]string) (all []permissions.Statement) {
	for _, s := range listOf(at(r.properties, field, "Statement")) {
		if principal := fmt.Sprint(at(s, "Principal")); text(s, "Effect") == "Allow" && strings.Contains(principal, "*") && r.kind != "AWS::EC2::VPCEndpoint" {
			*found = append(*found, fmt.Sprintf("%s: its %s allows %s", r.id, field, principal))
		}
		if field == "AssumeRolePolicyDocument" {
			if actions := fmt.Sprint(at(s, "Action")); strings.Contains(actions, "*") {
				*found = append(*found, r.id+": its trust allows "+actions)
			}
			continue
		}
		raw, err := json.Marshal(map[string]any{"Statement": []any{s}})
		if err == nil {
			var p permissions.Policy
			p, err = permissions.Parse(r.id, raw)
			all = append(all, p.Statement...)
		}
		if err != nil {
			*found = append(*found, err.Error())
		}
	}
	return all
}

// cut says that a denial leaves of a grant on everything only what it names.
func cut(action, resource string, statements []permissions.Statement) bool {
	return resource == "*" && !strings.Contains(action, "*") && slices.ContainsFunc(statements, func(s permissions.Statement) bool {
		return s.Deny && s.But && slices.Contains(s.Actions, action) && !slices.ContainsFunc(s.Resources, func(p permissions.Pattern) bool { return strings.ContainsAny(p.String(), "*?") })
	})
}
