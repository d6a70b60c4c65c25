// Judges every change by the policy and the keys of the protected branch. A multibranch job of its own; Script Path: this file.
// What only Jenkins can guarantee, and how to set it: docs/ci.md of secpipe (whose Jenkinsfile counts, credentials).
pipeline {
  agent any
  options {
    timeout(time: 30, unit: 'MINUTES')
  }
  stages {
    stage('Install secpipe outside the project, pinned') {
      steps {
        sh '''#!/bin/sh
          set -eu
          work=${WORKSPACE_TMP:-}
          @GET@
        '''
      }
    }
  }
  post {
    always { // whatever happened before, also in stages that are added above
      sh '''#!/bin/sh
        set -eu
        work=${WORKSPACE_TMP:-} remote=origin branch='@BRANCH@'
        @JUDGE@
      '''
    }
  }
}
