-- Any new value makes the operator ask the registry now.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["relevo.dev/refresh"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
