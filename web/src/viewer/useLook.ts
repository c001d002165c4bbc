/** Tools for looking at an image: the magnifier, and boxes hidden while a key is held. */
import { useEffect, useState } from "react"
import { isKeyForPage } from "../ui/shortcuts"

export function useLook() {
  const [isMagnified, setMagnified] = useState(false)
  const [isBare, setBare] = useState(false)
  useEffect(() => {
    const hold = (event: KeyboardEvent) => {
      if (event.key !== "h" || !isKeyForPage(event)) return
      event.preventDefault()
      setBare(true)
    }
    const release = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "h") setBare(false)
    }
    const leave = () => setBare(false)
    window.addEventListener("keydown", hold)
    window.addEventListener("keyup", release)
    window.addEventListener("blur", leave)
    return () => {
      window.removeEventListener("keydown", hold)
      window.removeEventListener("keyup", release)
      window.removeEventListener("blur", leave)
    }
  }, [])
  return {
    isMagnified,
    flipMagnified: () => setMagnified((old) => !old),
    isBare,
    setBare,
  }
}

export type Look = ReturnType<typeof useLook>
