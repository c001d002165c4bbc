/** The layout of the screens before sign-in: a drawing of an image with one box, and a form. */
import type { ReactNode } from "react"
import { LanguageSelect } from "../ui/LanguageSelect"
import { brandTexts } from "./en"
import "./signIn.css"

export function SignInLayout({ children }: { children: ReactNode }) {
  return (
    <div className="sign-in">
      <div className="sign-in-image">
        <svg viewBox="0 0 800 900" preserveAspectRatio="xMidYMid slice" aria-hidden>
          <g fill="#0f1713">
            <path d="M0 620 Q200 560 400 600 T800 570 V900 H0Z" fill="#101a15" />
            <path d="M0 700 Q260 640 480 690 T800 660 V900 H0Z" fill="#131f19" />
          </g>
          <g stroke="#15211b" strokeWidth="14">
            <path d="M90 0V640M236 0V610M610 0V600M708 0V640M420 0V602" strokeWidth="22" />
          </g>
          <g fill="#2a3b32">
            <ellipse cx="430" cy="560" rx="96" ry="42" />
            <circle cx="536" cy="524" r="30" />
            <path
              d="M520 506l-6-34 22 20zM544 500l18-26 4 36zM338 556q-70 8-96 62 60-6 104-36zM362 590v70M400 596v68M468 594v70M500 584v76"
              stroke="#2a3b32"
              strokeWidth="12"
              strokeLinejoin="round"
            />
          </g>
          <g fill="#dff6e8">
            <circle cx="530" cy="519" r="4" />
            <circle cx="550" cy="519" r="4" />
          </g>
          <path
            d="M228 492v-42h42M550 450h42v42M592 640v42h-42M270 682h-42v-42"
            fill="none"
            stroke="#4fc48a"
            strokeWidth="4"
          />
        </svg>
        <p>{brandTexts.tagline}</p>
      </div>
      <main className="sign-in-form">
        <div>
          {children}
          <LanguageSelect />
        </div>
      </main>
    </div>
  )
}
