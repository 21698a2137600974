-- Argo CD's health of a ModelDeployment, from the operator's status alone; docs/argocd.md has the table.
-- Argo CD hands over `obj` and Lua's base and table libraries; there is no string library.

-- What Ready=False means for Argo CD. Any other reason, one that a newer operator knows included, is Degraded: somebody
-- has to look.
local waits = {
  RollingOut = "Progressing", -- pods are being replaced
  NoVersion = "Progressing", -- until a first version is promoted
  Suspended = "Suspended", -- spec.suspend
  ScaledToZero = "Suspended", -- spec.serving.replicas is 0
}
-- What keeps the registry from ever naming a first version, as long as nobody does something about it.
local faults = {
  Unreachable = true, Denied = true, BadAnswer = true, CredentialMissing = true, AddressRefused = true,
}

local function health(status, message)
  return { status = status, message = message }
end

local function told(status, condition)
  return health(status, condition.reason .. ": " .. (condition.message or ""))
end

local function condition(kind)
  for _, one in ipairs(obj.status.conditions or {}) do
    if one.type == kind then
      return one
    end
  end
end

-- Argo CD says so itself before it asks, in these words; here it makes this file the whole answer.
if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "Pending deletion")
end
if obj.status == nil or obj.status.observedGeneration == nil then
  return health("Progressing", "the operator has not looked at it yet")
end
-- Compared as numbers: Argo CD hands some over as text.
if tonumber(obj.status.observedGeneration) ~= tonumber(obj.metadata.generation) then
  return health("Progressing", "the operator has not looked at this spec yet: generation "
    .. tostring(obj.metadata.generation) .. ", status is about " .. tostring(obj.status.observedGeneration))
end
local ready = condition("Ready")
if ready == nil then
  return health("Progressing", "the operator has not said yet whether it is ready")
end
if ready.status == "True" then
  return told(obj.spec.suspend and "Suspended" or "Healthy", ready)
end
local registry = condition("RegistryReachable")
if ready.reason == "NoVersion" and registry ~= nil and faults[registry.reason] then
  return told("Degraded", registry)
end
return told(waits[ready.reason] or "Degraded", ready)
