-- Values as they are stored, by any version of rerankq; something else may have written them too.
-- @defines whole number text encoded

function whole(value) return string.format('%.0f', value) end

-- A field's number; 0 when it is missing, or no number in the range that rerankq uses.
function number(field)
  local found = tonumber(field)
  return found and found > -2 ^ 53 and found < 2 ^ 53 and found or 0
end
-- A field's text; nil when it is missing, or no text.
function text(field) return type(field) == 'string' and field or nil end

-- A record as it is stored. JSON has no infinite numbers: a field that holds one, directly or deeper, is left
-- out. They are looked for only after encoding has failed, because the search costs more than the encoding.
function encoded(job)
  local ok, stored = pcall(cjson.encode, job)
  if ok then return stored end
  for field, value in pairs(job) do
    if type(value) ~= 'string' and not pcall(cjson.encode, {value}) then job[field] = nil end
  end
  return cjson.encode(job)
end
