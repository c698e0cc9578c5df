"""Evidence (佐证): photos, voice notes and papers that people add to what they report; kept as they came."""
