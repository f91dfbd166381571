"""ministack 1.5.33 forgets the attributes of a nested stack's resources when the stack is updated and they are not: what
refers to one by Fn::GetAtt then fails, as the ARN of a role whose function has a new variable. Here they are remembered."""

from ministack.services.cloudformation import provisioners

provisioned = provisioners._provision_resource
updated = provisioners._update_resource
known = {}


def provision(resource_type, logical_id, props, stack_name, *rest, **more):
    made = provisioned(resource_type, logical_id, props, stack_name, *rest, **more)
    known[stack_name, logical_id] = made[1]
    return made


def update(resource_type, physical_id, old_props, new_props, stack_name, logical_id=None, old_attrs=None):
    attrs = old_attrs or known.get((stack_name, logical_id))
    made = updated(resource_type, physical_id, old_props, new_props, stack_name, logical_id, attrs)
    known[stack_name, logical_id] = made[1]
    return made


provisioners._provision_resource = provision
provisioners._update_resource = update
